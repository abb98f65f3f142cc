"""Sensitivity: how much of each layer can be cut while all others stay as they are.

One layer is cut at a time, at a few ratios, and nothing is trained: accuracy on some test images
says which layers bear a cut and which do not. It says nothing of several layers cut at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.method import Choice, Progress, Slider, Switch, part_of, quiet, setting
from engine.core.result import Result, Scores, Table
from engine.sparsity.masks.enforce import pruned
from engine.sparsity.masks.pruner import MaskRules
from engine.sparsity.masks.pruning import BY_TITLE, pruner_of, searched_settings
from engine.sparsity.method import SparsityMethod
from engine.vision.models.classifier import Classifier
from engine.vision.training import outputs
from engine.vision.weights.case import PruneCase, agreement_only
from engine.vision.weights.parts import prunable_parts

RATIOS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
PIECES = ("weight", "filter", "channel")
OFFERED = tuple(title for title, kind in BY_TITLE.items() if not searched_settings(kind))
DENSE = "whole model"
MOST, LEAST = 3_000, 10  # layers × images that are tried at most; images that are always shown


@dataclass(frozen=True)
class Sensitivity(SparsityMethod):
    """How many test images are right when one layer alone is cut, at each of a few ratios.

    Nothing is trained in between, and all other layers stay as they are. A layer that bears little
    should keep more when the whole network is cut. The figures do not add up: two layers that each
    bear a cut may not bear both. With few images a step is coarse: one of 300 is a third of a
    point. A network with many layers is shown fewer images, so that the wait is bounded.
    """

    name = "Sensitivity"
    title = "Layer by layer"
    cost = "job"
    proof = (
        "tests/engine/sparsity/test_sensitivity.py"
        "::test_each_cell_is_the_network_with_that_layer_s_least_weights_zeroed_by_hand"
    )

    criterion: str = setting(
        "Magnitude",
        Choice(OFFERED),
        "Criterion",
        "What makes a weight count. Criteria that search for one cut of the whole network have "
        "nothing to say of a single layer.",
    )
    structure: str = setting(
        "weight", Choice(PIECES), "Pieces", "Weights, filters or input channels of the layer."
    )
    head: bool = setting(False, Switch(), "Head too", "Whether the last layer is tried as well.")
    images: int = setting(
        300,
        Slider(10, 2000, 10),
        "Images",
        "Test images at most, drawn by the seed, as many of each class; fewer where layers × "
        f"images would be more than {MOST:,}.",
    )

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: accuracy, (layers, ratios); figures, that of the whole model; the table of the
        layers that are done is handed over on the way."""
        test_sample = Picked(case, self.count(case))
        layers = prunable_parts(case.model, head=self.head)
        dense_accuracy = Scores(
            np.array([test_sample.right(case.model)], np.float32), (DENSE,), "share"
        )
        rows: dict[str, list[float]] = {}
        for index, part in enumerate(layers):
            low, high = index / len(layers), (index + 1) / len(layers)
            rules = MaskRules("per layer", self.structure, self.head, only=(part.name,))
            pruner = pruner_of(case, self.criterion, rules, part_of(progress, low, low, "scoring"))
            rows[part.layer] = []
            for done, ratio in enumerate(RATIOS, start=1):
                rows[part.layer].append(test_sample.right(pruned(case.model, pruner.at(ratio))))
                progress(low + (high - low) * done / len(RATIOS), f"{part.layer}: {ratio:.0%} cut")
            progress(high, part.layer, {"accuracy": table_of(rows), "figures": dense_accuracy})
        return {"accuracy": table_of(rows), "figures": dense_accuracy}

    def finding(self, case: PruneCase, result: Mapping[str, Any]) -> str:
        """The most and the least sensitive layer, by the mean over the ratios."""
        right = "as before" if agreement_only(case) else "right"
        table: Table = result["accuracy"]
        means = table.values.mean(1)
        low, high = table.rows[int(means.argmin())], table.rows[int(means.argmax())]
        dense_percent = 100 * result["figures"][DENSE]
        if low == high:
            return (
                f"Only {low} can be cut: on average over the ratios {100 * means[0]:.1f} % {right}."
                f"{self.fewer(case)}"
            )
        return (
            f"{low} is the most sensitive layer: with 30 to 99 % of it alone cut, "
            f"{100 * means.min():.1f} % of answers are {right} on average ({dense_percent:.1f} "
            "% in the "
            f"whole model). The least sensitive is {high}: {100 * means.max():.1f} %."
            f"{self.fewer(case)}"
        )

    def count(self, case: PruneCase) -> int:
        """How many test images are shown at most: the more layers, the fewer."""
        return min(self.images, max(LEAST, MOST // len(prunable_parts(case.model, head=self.head))))

    def fewer(self, case: PruneCase) -> str:
        """A sentence that begins with a space if fewer images are shown than asked for, or ""."""
        count, available = self.count(case), len(case.data.rows("test"))
        if count == self.images or available <= count:
            return ""
        layers = len(prunable_parts(case.model, head=self.head))
        return f" Because {layers} layers are tried, they see {count} test images."


class Picked:
    """Some test images of a case, on which models are held beside each other."""

    def __init__(self, case: PruneCase, count: int) -> None:
        self.data = case.data
        self.rows = case.data.some("test", count, case.seed)
        self.targets = case.data.targets(self.rows)

    def right(self, model: Classifier) -> float:
        """The share of them that a model gets right."""
        answers = outputs(model, self.data, self.rows).argmax(1)
        return float((answers == self.targets).float().mean())


def table_of(rows: Mapping[str, list[float]]) -> Table:
    """A row for each layer that was cut, a column for each ratio."""
    names = [f"{ratio:.0%}" for ratio in RATIOS]
    return Table.grid(np.array([*rows.values()]), tuple(rows), names, ("share",) * len(names))
