"""Accuracy against sparsity: right after pruning, and after a stated number of epochs.

Scores are computed once, on the dense model; each level cuts the dense model anew (one shot) and
retrains that copy with its zeros held. Levels that are done are handed over while others wait.
"""

from dataclasses import dataclass

import numpy as np

from engine.core.errors import DoesNotFit
from engine.core.method import Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table, View
from engine.sparsity.criteria.magnitude import Magnitude
from engine.sparsity.masks.pruner import MaskRules
from engine.sparsity.masks.pruning import Cutting, pruner_of
from engine.sparsity.method import unlearnable
from engine.sparsity.prune import retrained, share_correct
from engine.vision.weights.case import PruneCase
from engine.vision.weights.masks import Masks

RATIOS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
COLUMNS = ("ratio", "sparsity", "sparsity of all", "after pruning", "retrained", "spread", "seeds")
WITHIN = 0.01  # of the dense accuracy


@dataclass(frozen=True)
class Tradeoff(Cutting):
    """Accuracy on the test images against the share that is cut.

    One curve is measured right after pruning, the other after the stated epochs of training with
    the zeros held: its mean over seeds, and its standard deviation as spread. The seed changes the
    order of the images, not the masks. A level is within reach of the dense model when it loses no
    more than one point. Few test images make the curve rough: with 359 digits a step is 0.3 points.
    N of every M is one level beside the dense model, since its pattern is its ratio.
    """

    name = "Tradeoff"
    revision = 2  # N:M has the dense model too
    title = "Accuracy against sparsity"
    cost = "job"
    proof = (
        "tests/engine/sparsity/test_rounds.py"
        "::test_the_curve_starts_at_the_dense_accuracy_and_retraining_lifts_it"
    )

    epochs: int = setting(
        3, Slider(0, 30, 1), "Epochs", "How long each level learns again; 0 leaves that curve out."
    )
    rate: float = setting(
        0.01, Slider(1e-4, 0.2, 1e-4, log=True), "Rate", "How far a step goes, at its highest."
    )
    seeds: int = setting(1, Slider(1, 5, 1), "Seeds", "How often each level is retrained.")

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: levels, one row for each ratio; NaN where nothing was retrained."""

        def scoring(done: float, words: str = "", partial: Result | None = None) -> None:
            progress(done / 10, words, partial)

        if self.epochs and (reason := unlearnable(case)):
            raise DoesNotFit(f"{self.title}: {reason} Choose 0 epochs.")
        pruner = None if self.searches else self.pruner(case, scoring)
        weights = sum(parameter.numel() for parameter in case.model.network.parameters())
        lines: list[list[float]] = []
        measured_levels: dict[str, tuple[float, list[float]]] = {}
        patterned = self.structure == "N:M"
        ratios = (0.0, 1 - self.rules.n / self.rules.m) if patterned else RATIOS
        for place, ratio in enumerate(ratios):

            def level(
                done: float, words: str = "", partial: Result | None = None, place: int = place
            ) -> None:
                del partial  # of one training; the levels are what is handed over
                progress(0.1 + 0.9 * (place + done) / len(ratios), words)

            search, training = part_of(level, 0, 0.5), part_of(level, 0.5, 1)
            masks = (pruner or pruner_of(case, self.criterion, self.rules, search, ratio)).at(ratio)
            if patterned and not ratio:  # a pattern cuts at any ratio: the dense model by weights
                masks = pruner_of(case, Magnitude.title, MaskRules(head=self.head)).at(ratio)
            cut_share = (masks.total - masks.kept) / weights
            if masks.digest not in measured_levels:  # after a round, low ratios cut nothing more
                plain = share_correct(self.made(case, masks), case)
                whole = masks.kept == masks.total
                measured_levels[masks.digest] = (
                    plain,
                    [plain] if whole else self.again(case, masks, training),
                )
            plain, retrained_accuracies = measured_levels[masks.digest]
            lines.append(
                [
                    ratio,
                    masks.sparsity,
                    cut_share,
                    plain,
                    float(np.mean(retrained_accuracies)) if self.epochs else np.nan,
                    float(np.std(retrained_accuracies, ddof=1))
                    if self.epochs and len(retrained_accuracies) > 1
                    else np.nan,
                    len(retrained_accuracies) if self.epochs else 0,
                ]
            )
            words = f"{ratio:.0%} cut: {plain:.1%} right"
            progress(0.1 + 0.9 * (place + 1) / len(ratios), words, {"levels": levels(lines)})
        results: dict[str, View] = {"levels": levels(lines)}
        return results

    def again(self, case: PruneCase, masks: Masks, progress: Progress) -> list[float]:
        """The accuracy after retraining, for each seed."""
        results = []
        for number in range(self.seeds if self.epochs else 0):

            def one(
                done: float, words: str = "", partial: Result | None = None, number: int = number
            ) -> None:
                del partial
                progress((number + done) / self.seeds, words)

            model = self.made(case, masks)
            seed = case.seed + number
            retrained(model, case, masks, self.epochs, self.rate, seed, one)
            results.append(share_correct(model, case))
        return results


def levels(lines: list[list[float]]) -> Table:
    units = ("share", "share", "share", "share", "share", "share", "")
    return Table.grid(np.array(lines), tuple(f"{line[0]:.0%}" for line in lines), COLUMNS, units)


def sparsest(table: Table, column: str = "retrained") -> float:
    """The largest ratio that loses at most one point of the dense accuracy; NaN when none does."""
    accuracy = table[column]
    dense = table["after pruning"][0]
    # 1e-9: a loss of exactly one point counts as within it, whatever float rounding says
    is_close = accuracy >= dense - WITHIN - 1e-9
    ratios = table[COLUMNS[0]]
    return float(ratios[is_close].max()) if is_close.any() else float("nan")
