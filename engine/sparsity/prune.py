"""Prune: a copy of the model with the cut weights at zero, as a model like any other.

The original stays. The copy carries its masks, one bit a weight, so that it can be taken to any
page, trained on with its zeros, exported and built again to the bit.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from engine.core.errors import BlindspotError, DoesNotFit
from engine.core.method import Case, Progress, Slider, Switch, quiet, setting
from engine.core.result import Checkpoint, Result, Scores, Table, View
from engine.evaluation.cost import Cost, cost_of, weight_uses
from engine.sparsity.masks.compare import effective
from engine.sparsity.masks.enforce import bake
from engine.sparsity.masks.pruning import Pruning
from engine.sparsity.masks.rounds import ROUND, rounds_of
from engine.sparsity.masks.shrink import shrunk
from engine.sparsity.method import unlearnable
from engine.vision.lab.case import TrainCase
from engine.vision.models import checkpoints
from engine.vision.models.card import card_of, checkpoint
from engine.vision.models.checkpoints import Stored
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recipe, outputs, train
from engine.vision.training.state import state_file
from engine.vision.weights.case import PruneCase, agreement_only
from engine.vision.weights.masks import Masks


@dataclass(frozen=True)
class Prune(Pruning):
    """A copy of the model in which the weights that count least are zero.

    Test accuracy is the share of test images that the dense and the pruned model get right, without
    any training in between. Zeros alone make a model neither smaller nor faster: multiply-adds are
    given as they would be if every zero were skipped, and as they are when silent channels are
    taken out. The masks say which weights stay; dead filters are those of which nothing stays.
    """

    name = "Prune"
    title = "Prune"
    cost = "wait"
    proof = (
        "tests/engine/sparsity/test_prune.py"
        "::test_a_pruned_model_is_kept_and_built_again_to_the_bit_with_its_masks"
    )

    smaller: bool = setting(
        False,
        Switch(),
        "Take channels out",
        "Channels that are silent or unread are taken out of the network: it computes the same "
        "and is smaller.",
    )

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: model, a checkpoint with masks; layers, a table; figures, and cost in a table."""

        def scoring(done: float, words: str = "", partial: Result | None = None) -> None:
            progress(done / 2, words, partial)

        masks = self.masks(case, scoring)
        model = self.made(case, masks)
        progress(0.6, "cut")
        return finished(self, case, masks, model, progress, self.smaller, {})


@dataclass(frozen=True)
class RetrainPruned(Pruning):
    """The pruned model learns again with its zeros held, for as many epochs as are stated.

    The mask multiplies in every forward pass, so that no optimizer can bring a cut weight back.
    What it learns from is the train split of its data; compare its accuracy with the dense model's
    and with that right after pruning, both given beside it.
    """

    name = "Retrain"
    title = "Prune and retrain"
    cost = "job"
    proof = (
        "tests/engine/sparsity/test_prune.py::test_retraining_wins_accuracy_back_and_no_zero_moves"
    )

    epochs: int = setting(3, Slider(1, 50, 1), "Epochs", "How long it learns again.")
    rate: float = setting(
        0.01, Slider(1e-4, 0.2, 1e-4, log=True), "Rate", "How far a step goes, at its highest."
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        return super().unmet(case) or unlearnable(case)

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: as Prune, and log, the curves of the training."""

        def share(start: float, end: float) -> Progress:
            return lambda done, words="", partial=None: progress(
                start + (end - start) * done, words, partial
            )

        masks = self.masks(case, share(0, 0.1))
        model = self.made(case, masks)
        before = share_correct(model, case)
        log = retrained(model, case, masks, self.epochs, self.rate, case.seed, share(0.1, 0.9))
        figures = {"test accuracy right after pruning": before}
        recipe = recipe_of(self.epochs, self.rate).as_dict()
        result = finished(self, case, masks, model, progress, False, figures, recipe)
        return {**result, "log": log}


def recipe_of(epochs: int, rate: float) -> Recipe:
    """How a pruned model learns again: SGD with momentum, falling rate."""
    return Recipe(epochs=epochs, rate=rate, batch=64, decay=0.0005)


def retrained(
    model: Classifier,
    case: PruneCase,
    masks: Masks,
    epochs: int,
    rate: float,
    seed: int,
    progress: Progress,
) -> View:
    """Train a pruned model in place with its zeros held; the curves.

    Raises:
        DoesNotFit: there are no images to learn from.
    """
    if reason := unlearnable(case):
        raise DoesNotFit(f"Retraining: {reason}")
    tensors = dict(masks)
    keep = state_file(f"{case.fingerprint[:16]}-{masks.digest[:16]}-{seed}-{epochs}-{rate:g}")
    log = train(
        model,
        case.data,
        recipe_of(epochs, rate),
        seed,
        masks=tensors,
        keep=keep,
        note={"kind": "retrain", "model": case.model.name, "data": case.data.name},
        progress=progress,
    )
    bake(model, tensors)
    return log


def finished(
    method: Pruning,
    case: PruneCase,
    masks: Masks,
    model: Classifier,
    progress: Progress,
    smaller: bool,
    figures: Mapping[str, float],
    recipe: Mapping[str, Any] | None = None,
) -> Result:
    shrinking = shrunk(model)
    spent = cost_of(case.model, masks, weight_uses(case.model), shrinking.model)
    dense, now = share_correct(case.model, case), share_correct(model, case)
    results = {"test accuracy": now, **figures, "test accuracy of the dense model": dense}
    chosen_model = shrinking.model if smaller and shrinking.taken else model
    progress(0.95, "measured")
    views: dict[str, View] = {
        "layers": layer_table(masks, effective(case.model, masks)),
        "cost": cost_table(spent),
        "figures": Scores(np.array(list(results.values()), np.float32), tuple(results), "share"),
    }
    if case.model.architecture:  # else it cannot be built again, and so not be kept
        card = card_of(
            chosen_model,
            title=model.title,
            parent=case.model,
            made_by=method.full_name(),
            settings={**method.settings(), ROUND: rounds_of(case.model) + 1},
            data=learnt_from(case),
            recipe=recipe or {},
            seed=case.seed,
            figures={name: round(value, 4) for name, value in results.items()},
            narrowed=chosen_model.narrowed,
        )
        views = {"model": checkpoint(chosen_model, card), **views}
    progress(1.0, "done")
    return views


def learnt_from(case: PruneCase) -> str:
    """The data set that the model has learned, by name; photographs are only looked at."""
    return "" if agreement_only(case) else case.data.name


def keep(result: Mapping[str, View]) -> Stored:
    """Keep a result's pruned model among the models, below its parent.

    Raises:
        BlindspotError: there is none, nothing was cut, or the disk is full.
    """
    model = result.get("model")
    if not isinstance(model, Checkpoint):
        raise BlindspotError("There is no model in this result that could be kept.")
    if json.loads(model.card).get("fingerprint") == model.parent:
        raise BlindspotError("Nothing was cut: this is the model that is there already.")
    return checkpoints.keep(model)


def share_correct(model: Classifier, case: PruneCase | TrainCase) -> float:
    """The share of test images that a model gets right."""
    rows = case.data.rows("test")
    hits = outputs(model, case.data, rows).argmax(1) == case.data.targets(rows)
    return float(hits.float().mean())


def layer_table(masks: Masks, alive: Masks | None = None) -> Table:
    """For each layer how much stays; NaN where it is not known what has a way to a logit."""
    counts, dead = masks.counts, masks.dead_filters
    useful = np.full(len(counts), np.nan) if alive is None else alive.counts
    sizes = np.array([part.size for part in masks.parts])
    filters = np.array([part.filters for part in masks.parts])
    values = np.stack([counts, sizes, counts / sizes, useful, useful / sizes, dead, filters], 1)
    return Table.grid(
        values.astype(np.float64),
        tuple(part.layer for part in masks.parts),
        ("kept", "weights", "density", "useful", "useful density", "dead filters", "filters"),
        ("", "", "share", "", "share", "", ""),
    )


def cost_table(spent: Cost) -> Table:
    """Weights and multiply-adds, before and after."""
    costs = asdict(spent)
    return Table.grid(
        np.array([[float(value)] for value in costs.values()]), tuple(costs), ("count",), ("",)
    )
