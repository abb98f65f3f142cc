"""Learned N:M: which N of every M weights to keep, learned by gradient while all weights stay.

The masks are those of `engine.vision.weights.pattern`, trained on the loss of the model they prune.
Fang et al., "MaskLLM: Learnable Semi-Structured Sparsity for Large Language Models" (2024),
https://arxiv.org/abs/2409.17481, here for classifiers.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.core.errors import BadSetting, DoesNotFit
from engine.core.method import Case, Choice, Progress, Slider, Switch, quiet, setting
from engine.core.result import Floats, Result, WeightScores
from engine.core.run import digest
from engine.sparsity.criteria.slopes import weight_of
from engine.sparsity.masks.pruner import MaskRules
from engine.sparsity.masks.units import PATTERNS, fits_pattern, values
from engine.sparsity.method import SparsityMethod, unlearnable
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recipe, outputs, train
from engine.vision.training.objective import Batch
from engine.vision.training.state import state_file
from engine.vision.weights.case import PruneCase
from engine.vision.weights.course import Course, weights_table
from engine.vision.weights.parts import prunable_parts
from engine.vision.weights.pattern import (
    Annealing,
    PatternMask,
    attach,
    from_groups,
    in_groups,
    largest_in_group,
    masks_within,
    mass,
    only_masks_learn,
    sha_of_weights,
)

MOST = 2_000_000  # weights of a network whose masks are learned
WORK = 3 * 10**10  # groups × candidates × steps: an hour or so at 100 ns each, of one core
BATCH = 64
LABELS, ANSWERS = "labels", "the dense model's answers"


@dataclass(frozen=True)
class LearnedPattern(SparsityMethod):
    """Which N of every M weights stay, found by training the choice and not the weights.

    A weight's score is one, plus half its probability, where the learned mask keeps it, and half
    its probability elsewhere. So the N best of every M are exactly the learned mask. It holds for
    the pattern that it was learned for only: cut in other pieces or by another ratio, these scores
    say little. Layers whose inputs cannot be parted into groups of M stay whole, and so does the
    head unless it is asked for. It begins near the
    mask of the largest weights; or, where scores come along with the case, near theirs, so that a
    mask learned on one data set is carried to another.
    """

    name = "LearnedPattern"
    title = "Learned N:M"
    cost = "job"
    paper = "Fang et al. 2024, MaskLLM, https://arxiv.org/abs/2409.17481"
    needs = frozenset({"gradient"})
    proof = (
        "tests/engine/sparsity/mask_llm/test_learned_pattern.py"
        "::test_the_cut_of_the_scores_is_the_learned_mask_and_better_than_magnitude"
    )

    pattern: str = setting("2:4", Choice(PATTERNS), "Pattern", "N of M weights in a row stay.")
    head: bool = setting(
        False, Switch(), "Head too", "Whether a mask of the last layer is learned too."
    )
    learns: str = setting(
        LABELS, Choice((LABELS, ANSWERS)), "Learns from", "What the pruned model is to answer."
    )
    strength: float = setting(
        3.0,
        Slider(0.0, 5.0, 0.5),
        "Prior strength",
        "How much the mask of the largest weights is preferred at first, or that of scores that "
        "come along, in units of the first logits' spread; 0 begins with none.",
    )
    each: int = setting(
        100, Slider(1, 500, 1), "Images of a class", "Images of each class that are learned from."
    )
    epochs: int = setting(10, Slider(1, 200, 1), "Epochs", "How often they are shown.")
    rate: float = setting(
        0.01, Slider(1e-4, 0.1, 1e-4, log=True), "Rate", "How far a logit moves in a step."
    )
    tau: float = setting(
        0.05, Slider(0.01, 4.0, 0.01, log=True), "Last temperature τ", "It falls from 4."
    )
    kappa: float = setting(500.0, Slider(100.0, 1000.0, 50.0), "Last scale κ", "It rises from 100.")
    keep: float = setting(
        1e-5, Slider(0.0, 1e-2, 1e-5), "Weight kept", "λ: how much large weights are preferred."
    )

    @classmethod
    def limits(cls, rules: MaskRules) -> str:
        """What a mask by these rules is not, in a sentence, or ""."""
        if rules.structure == "N:M":
            return ""
        return (
            f"{cls.title} was learned for {rules.n}:{rules.m} and holds for that pattern only: "
            "choose the pieces N:M to cut by it."
        )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        reason = super().unmet(case) or unlearnable(case)
        if reason or not isinstance(case, PruneCase):
            return reason
        size = sum(part.size for part in prunable_parts(case.model))
        if size > MOST:
            return f"it needs a network of at most {MOST:,} weights, and this one has {size:,}."
        return ""

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: scores; course, how sharp the choice is by step; candidates of some groups of the
        last learned layer; weights, with the SHA-256 of the copy that learned as notes.

        Raises:
            DoesNotFit: no layer can be parted into groups of M, or scores came along without one.
            BadSetting: it would take too long.
        """
        progress(0.0, "learning which weights stay")
        model = case.model.twin(paced=False)
        hashes = [sha_of_weights(model.network)]
        masks = self.masks(case)
        rows = case.rows(self.each)
        steps = self.epochs * -(-len(rows) // BATCH)
        check_budget(masks.values(), steps)
        attach(model.network, masks)  # and with it the masks are on the model's device
        course = Course(masks, steps)
        targets = None
        if self.learns == ANSWERS:
            targets = np.zeros((len(case.data), len(case.model.labels)), np.float32)
            targets[rows] = outputs(case.model, case.data, rows).softmax(1).cpu().numpy()
        train(
            model,
            case.data,
            Recipe("lenet", self.epochs, BATCH, "Adam", self.rate),
            case.seed,
            rows=rows,
            targets=targets,
            masks={},
            objective=self.objective,
            after_step=course,
            keep=state_file(f"pattern-{digest(self, case)}"),
            note={"kind": "search", "model": case.model.name, "data": case.data.name},
            progress=progress,
        )
        results = {
            part.name: scores(masks.get(part.name), weight_of(case.model, part.name))
            for part in prunable_parts(case.model)
        }
        size = sum(parameter.numel() for parameter in case.model.network.parameters())
        hashes.append(sha_of_weights(model.network))
        return {
            "scores": WeightScores(results, "share", "mean"),
            **course.views(),
            "weights": weights_table(size, hashes),
        }

    def masks(self, case: PruneCase) -> dict[str, PatternMask]:
        """The masks to be learned, leaning to the prior, by the weight's name."""
        n, m = (int(word) for word in self.pattern.split(":"))
        fitting = [
            part for part in prunable_parts(case.model, head=self.head) if fits_pattern(part, m)
        ]
        if not fitting:
            message = f"No layer's inputs can be parted into groups of {m}."
            raise DoesNotFit(message)
        generator = torch.Generator().manual_seed(case.seed)
        annealing = Annealing((4.0, self.tau), (100.0, self.kappa))
        results = {}
        for layer in fitting:
            initial_scores = weight_of(case.model, layer.name).abs()
            if case.learned is not None:
                initial_scores = torch.tensor(values(case.learned, layer))
            results[layer.name] = mask = PatternMask(initial_scores, n, m, generator, annealing)
            mask.prefer(largest_in_group(in_groups(initial_scores, m), n), self.strength)
        return results

    def objective(self, model: Classifier, batch: Batch) -> Tensor:
        """Each image's cross-entropy, less λ times the weight that the masks keep, (n,)."""
        # the trainer has set training mode, but of the copy only the masks' noise is wanted
        only_masks_learn(model.network)
        loss = F.cross_entropy(model(batch.pixels), batch.targets, reduction="none")
        return loss - self.keep * mass(masks_within(model.network))


def check_budget(masks: Iterable[PatternMask], steps: int) -> None:
    """Refuse what would take more than about an hour.

    Raises:
        BadSetting: the logits times the steps are more than WORK.
    """
    logits = sum(mask.logits.numel() for mask in masks)
    if logits * steps > WORK:
        raise BadSetting(
            f"{logits:,} candidate masks in {steps:,} steps are too much to learn: choose at most "
            f"{WORK // logits:,} steps, by fewer epochs or images, or a pattern with fewer "
            "candidates."
        )


def scores(mask: PatternMask | None, weight: Tensor) -> Floats:
    """One where the learned mask keeps a weight, plus half its probability; one without a mask."""
    if mask is None:
        return np.ones(tuple(weight.shape), np.float32)
    # shares @ options: each weight's chance to be on; half of it never reaches a kept one's 1
    groups = mask.hard + mask.shares @ mask.options / 2
    return from_groups(groups, weight).contiguous().cpu().numpy()
