"""Lottery Jackpots: a good mask is found in a trained network without moving any of its weights.

The search begins at the magnitude mask and learns only which weights are on (`search`): SGD
with momentum and weight decay on the numbers m, and after each step weights are exchanged within
each layer, as many in as out. The short restriction lets a share (1 − e/E)^k of the exchanges of
epoch e happen, rounded up in each layer; the released code rounds that share itself up, which
switches the restriction off. Biases, BatchNorm's weights and all layers that are not cut are
frozen too.

Layers keep what magnitude leaves them under the rules of the cut, so that hidden linear layers are
searched as well; the paper's networks have none. Zhang et al., "Lottery Jackpots Exist in
Pre-trained Models" (2021), https://arxiv.org/abs/2104.08700
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from engine.core.method import Case, Choice, Progress, Slider, Switch, part_of, quiet, setting
from engine.core.result import Floats, Result, Scores, Table, WeightScores
from engine.core.run import digest
from engine.sparsity.criteria.magnitude import Magnitude
from engine.sparsity.criteria.shares import scores_of, shares_of
from engine.sparsity.criteria.slopes import weight_of
from engine.sparsity.jackpot.search import ChosenWeight, searchable, searched_key, sha_of, swap
from engine.sparsity.masks.allocation import ALLOCATIONS
from engine.sparsity.masks.compare import overlap
from engine.sparsity.masks.enforce import pruned
from engine.sparsity.masks.pruner import MaskRules, Pruner
from engine.sparsity.masks.rounds import previous_mask
from engine.sparsity.method import SparsityMethod, unlearnable
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recipe, figures, train
from engine.vision.training.state import state_file
from engine.vision.weights.case import PruneCase
from engine.vision.weights.course import weights_table, weights_words
from engine.vision.weights.masks import Masks, masks_in, masks_of
from engine.vision.weights.parts import prunable_parts

BATCH = 64  # images to a step
DENSE, START, AFTER_SEARCH = "whole model", "magnitude", "after the search"
ADAPTED = "after the search, with its own BatchNorm statistics"


@dataclass(frozen=True)
class Jackpot(SparsityMethod):
    """Which weights stay is learned, while every weight keeps its value.

    The search begins with the largest weights and goes over the train images: a weight that is off
    comes in where that lowers the loss more than one that is on, which then goes out. A score is
    the weight's size, plus 1 for what the search keeps: at the searched ratio the cut is exactly
    the mask that was found. It belongs to that ratio and these rules; another cut is another
    search. Filters, channels and groups are scored by the mean of their weights, which were
    searched one by one, so that a cut of whole ones is not what was found. N of every M is refused.
    In the paper BatchNorm goes on counting its statistics; here it does so only on request,
    and the model that is pruned keeps its own.
    """

    name = "Jackpot"
    title = "Lottery Jackpot"
    cost = "job"
    paper = "Zhang et al. 2021, https://arxiv.org/abs/2104.08700"
    needs = frozenset({"gradient"})
    proof = (
        "tests/engine/sparsity/jackpot/test_jackpot.py"
        "::test_the_cut_at_the_searched_ratio_is_the_found_mask_and_no_weight_has_moved"
    )

    ratio: float = setting(
        0.95, Slider(0.0, 0.995, 0.005), "Ratio", "The share of the weights that will be cut."
    )
    allocation: str = setting(
        "global", Choice(ALLOCATIONS), "Between layers", "How many weights each layer keeps."
    )
    head: bool = setting(False, Switch(), "Head too", "Whether the last layer is cut too.")
    epochs: int = setting(5, Slider(1, 30, 1), "Epochs", "How long is searched.")
    rate: float = setting(
        0.1, Slider(0.001, 1.0, 0.001, log=True), "Rate", "How far a step moves the numbers m."
    )
    momentum: float = setting(
        0.9, Slider(0.0, 0.99, 0.01), "Momentum", "How much of the last step is kept."
    )
    decay: float = setting(
        0.0005, Slider(0.0, 0.01, 0.0001), "Weight decay", "How strongly m is drawn to zero."
    )
    restriction: float = setting(
        4.0,
        Slider(0.0, 8.0, 0.5),
        "Restriction",
        "k: epoch e of E may make a share (1 − e/E)^k of its exchanges, rounded up, so that every "
        "layer may make at least one in each step; with 0 it may make all.",
    )
    off: float = setting(
        0.99, Slider(0.9, 1.0, 0.005), "Number when off", "m at first of a weight that is off."
    )
    statistics: bool = setting(
        False,
        Switch(),
        "Adapt BatchNorm",
        "BatchNorm counts its statistics anew while the search goes on, as in the paper.",
    )

    @classmethod
    def limits(cls, rules: MaskRules) -> str:
        """What a mask by these rules is not, in a sentence, or ""."""
        if rules.structure == "weight":
            return ""
        return (
            f"{cls.title} was searched weight by weight: each {rules.structure} goes by the mean "
            "of its scores, so this cut is not the mask that was found, and has another accuracy. "
            "Choose single weights for that mask."
        )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        return super().unmet(case) or unlearnable(case)

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: scores; figures, accuracies of tests; search, a row an epoch; swaps, a row a step;
        overlap with magnitude; weights, with their SHA-256 before and after as notes."""
        start = self.start(case, part_of(progress, 0, 0.05, "scoring"))
        tests = {DENSE: tested(case.model, case)}
        before = figures(pruned(case.model, start), case.data)
        tests[START] = before["test accuracy"]
        names = [name for name, _ in case.model.network.named_parameters()]
        model, hashes = case.model.twin(paced=False), [sha_of(case.model.network, names)]
        result, swaps, curve = self.searched(case, model, start, part_of(progress, 0.05, 0.95))
        hashes.append(sha_of(model.network, names))
        tests[AFTER_SEARCH] = tested(pruned(case.model, result), case)
        if self.statistics:
            tests[ADAPTED] = tested(model, case)
        progress(1.0, "measured")
        steps = np.arange(1, len(swaps) + 1)
        size = sum(parameter.numel() for parameter in case.model.network.parameters())
        values = np.array([*tests.values()], np.float32)
        return {
            "scores": WeightScores(scores_from(case.model, result), "size, + 1 if kept", "mean"),
            "figures": Scores(values, tuple(tests), "share"),
            "search": by_epoch(swaps, [before.get("validation accuracy", np.nan), *curve]),
            "swaps": Table.of({"step": (steps, ""), "swapped": (swaps, "")}),
            "overlap": overlap_table(start, result, masks_in(case.model)),
            "weights": weights_table(size, hashes),
        }

    def start(self, case: PruneCase, progress: Progress) -> Masks:
        """The masks that magnitude gives by the same rules."""
        scores = scores_of(Magnitude(), case, quiet)
        shares = shares_of(self.allocation, case, progress)
        rules = MaskRules(self.allocation, head=self.head)
        return Pruner(case.model, scores, rules, shares).at(self.ratio)

    def searched(
        self, case: PruneCase, model: Classifier, start: Masks, progress: Progress
    ) -> tuple[Masks, NDArray[np.int64], Floats]:
        """The masks that are found, the exchanges of each step, and accuracy after each epoch.

        Args:
            case: the data and the seed.
            model: a copy; all that is learned of it is which weights are on.
            start: where the search begins.
            progress: of the search.
        """
        count = -(-len(case.data.rows("train")) // BATCH)
        existing = masks_in(model)
        free = {
            part.name: np.ones(part.shape, np.bool_)
            if existing is None
            else previous_mask(existing, part)
            for part in start.parts
        }
        chosen = searchable(model, start, free, self.off, count * self.epochs)
        for module in model.network.modules():
            if isinstance(module, BatchNorm) and not self.statistics:
                module.register_forward_pre_hook(held_still)
        recipe = Recipe(
            epochs=self.epochs,
            batch=BATCH,
            rate=self.rate,
            momentum=self.momentum,
            decay=self.decay,
        )
        step = Swapping(chosen, count, self.epochs, self.restriction)
        keep = state_file(f"jackpot-{digest(self, case)}")
        log = train(
            model,
            case.data,
            recipe,
            case.seed,
            masks={},
            after_step=step,
            keep=keep,
            note={"kind": "search", "model": case.model.name, "data": case.data.name},
            progress=progress,
        )
        result = masks_of(
            {name: layer.on.cpu().numpy() > 0 for name, layer in chosen.items()}, start.parts
        )
        swaps = np.sum([layer.swapped.numpy() for layer in chosen.values()], 0)
        return Masks(start.parts, result.flat, start.silent), swaps, log.validation_accuracy

    def finding(self, case: PruneCase, result: Mapping[str, Any]) -> str:
        """What the search gained over magnitude, and that no weight moved."""
        del case
        tests: Scores = result["figures"]
        return (
            f"With {100 * self.ratio:.3g} % cut the searched mask gets "
            f"{100 * tests[AFTER_SEARCH]:.1f} % "
            f"right, magnitude's {100 * tests[START]:.1f} %, the whole model "
            f"{100 * tests[DENSE]:.1f} %. {weights_words(result['weights'])}"
        )


@dataclass
class Swapping:
    """What is done after each step: exchanges in every layer, fewer from epoch to epoch."""

    chosen: Mapping[str, ChosenWeight]
    batches: int
    epochs: int
    restriction: float

    def __call__(self, model: Classifier, rate: float) -> None:
        """Exchange weights in every layer; the number of the step is kept with the network."""
        del rate
        for name, layer in self.chosen.items():
            step = int(layer.step)
            # step // batches is the epoch e from 0, so the share is 1 at first and never 0
            share = (1 - step // self.batches / self.epochs) ** self.restriction
            numbers = model.network.get_parameter(searched_key(name, "original"))
            layer.swapped[step] = swap(layer, numbers, share)
            layer.step += 1


def has_statistics(model: Classifier) -> bool:
    """Whether there is a BatchNorm whose statistics could adapt."""
    return any(isinstance(module, BatchNorm) for module in model.network.modules())


def held_still(module: nn.Module, _inputs: object) -> None:
    """BatchNorm uses what it has counted before, also while the network trains."""
    # in a pre-hook, since train() sets the mode of every module again
    module.eval()


def tested(model: Classifier, case: PruneCase) -> float:
    """The share of test images that are right."""
    return figures(model, case.data)["test accuracy"]


def scores_from(model: Classifier, masks: Masks) -> dict[str, Floats]:
    """A weight's size, at most one half, and 1 more where it is kept; what is not cut is kept."""
    sizes = {part.name: weight_of(model, part.name).abs().numpy() for part in prunable_parts(model)}
    # sizes end below the 1 that is added, so no weight that is off outranks one that is on
    most = 2 * max(1e-30, *(float(size.max()) for size in sizes.values()))
    return {
        name: (size / most + (masks.array(name) if name in masks.starts else 1)).astype(np.float32)
        for name, size in sizes.items()
    }


def by_epoch(swaps: NDArray[np.int64], accuracy: Sequence[float]) -> Table:
    """Exchanges and validation accuracy, 0 for the state before the search."""
    epochs = len(accuracy) - 1
    swapped = [0, *swaps.reshape(epochs, -1).sum(1)]
    columns = {
        "epoch": (np.arange(epochs + 1), ""),
        "swapped": (swapped, ""),
        "validation accuracy": (np.array(accuracy, np.float32), "share"),
    }
    return Table.of(columns)


def overlap_table(start: Masks, final: Masks, earlier: Masks | None) -> Table:
    """What both masks keep of what either keeps, for all layers and each, beside chance."""
    similarity = overlap(start, final, earlier)
    values = np.array([(similarity.iou, similarity.chance), *similarity.layers])
    names = ("all", *(part.layer for part in start.parts))
    return Table.grid(values, names, ("IoU", "chance"), ("share", "share"))
