"""Which weights moved: by layer, and as masks that Sparsity's diagrams can draw."""

from dataclasses import dataclass

import numpy as np

from engine.core.method import Progress, quiet
from engine.core.result import Result, Table, WeightScores
from engine.unlearning.around import AfterCase
from engine.unlearning.diagnostics.base import Diagnostic, compared_models
from engine.unlearning.ways.network import named_weights
from engine.vision.models.classifier import Classifier
from engine.vision.weights.masks import Masks, masks_of
from engine.vision.weights.parts import prunable_parts


@dataclass(frozen=True)
class WhatMoved(Diagnostic):
    """How many weights of each layer are others than before, and how far they moved.

    Relative movement is the length of the change by the length of the weights before. SGD moves
    nearly all weights a little, so that a share of moved weights near 1 says little; SalUn and SSD
    leave others as they were to the bit.
    """

    name = "WhatMoved"
    title = "Which weights moved"
    needs = frozenset({"weights"})
    proof = (
        "tests/engine/unlearning/test_diagnostics.py::test_what_moved_is_what_differs_to_the_bit"
    )

    def __call__(self, case: AfterCase, progress: Progress = quiet) -> Result:
        """Views: layers, a row for each parameter; moved, the size of every weight's change."""
        models = compared_models(case, progress)
        weights = {name: named_weights(model) for name, model in models.items()}
        before, after = weights["original"], weights["unlearned"]
        change = {
            name: (after[name] - weight).detach().cpu().numpy() for name, weight in before.items()
        }
        lengths = {n: max(float(weight.detach().norm()), 1e-30) for n, weight in before.items()}
        retrained_weights = weights.get("retrained")
        retrained_distances = {
            name: np.nan
            if retrained_weights is None
            else float((retrained_weights[name] - weight).detach().norm())
            for name, weight in before.items()
        }
        columns = {
            "weights": ([delta.size for delta in change.values()], ""),
            "moved": ([float((delta != 0).mean()) for delta in change.values()], "share"),
            "relative": (
                [float(np.linalg.norm(delta)) / lengths[n] for n, delta in change.items()],
                "share",
            ),
            "furthest": ([float(np.abs(delta).max()) for delta in change.values()], ""),
            "relative, retrained": (
                [distance / lengths[n] for n, distance in retrained_distances.items()],
                "share",
            ),
        }
        progress(1.0, "compared")
        return {
            "layers": Table.of(columns, tuple(change)),
            "moved": WeightScores({n: np.abs(delta) for n, delta in change.items()}, "", "l2"),
        }


def moved_masks(original: Classifier, moved: WeightScores) -> Masks:
    """The weights that moved, as the diagrams of Sparsity draw masks: True where one moved."""
    return masks_of(
        {part.name: moved.values[part.name] > 0 for part in prunable_parts(original)},
        prunable_parts(original),
    )
