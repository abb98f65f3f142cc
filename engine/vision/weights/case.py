"""What a pruning is asked about: a model, images to score and to measure with, and a seed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from engine.core.case_base import Case, Parts
from engine.core.errors import BlindspotError
from engine.core.method import Precision
from engine.core.result import WeightScores
from engine.vision.data import DataSet, Rows
from engine.vision.models.classifier import Classifier
from engine.vision.training.recipe import Recipe


@dataclass(frozen=True, eq=False)
class PruneCase(Case):
    """A model that is to be pruned, with the images that scores and measures look at.

    Args:
        model: the classifier; it is never changed.
        data: labeled images of the model's size. Scores look at its train split (at its test
            split where there is none), measures at its test split.
        seed: of everything that is drawn.
        precision: "exact" is the only one.
        learned: scores that a search found elsewhere, for the criterion "Learned".
        recipe: how the model was trained from its first weights, where that is known.

    Raises:
        BlindspotError: the images or classes do not fit the model.
    """

    case_name: ClassVar[str] = "prune"
    what: ClassVar[str] = "a model with labeled images"

    model: Classifier
    data: DataSet
    seed: int = 0
    precision: Precision = "exact"
    learned: WeightScores | None = None
    recipe: Recipe | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise BlindspotError(f"A seed is a whole number from 0 to 2^32 − 1, not {self.seed}.")
        if not len(self.data.rows("test")):
            raise BlindspotError(f"{self.data.card.title} has no test images to measure with.")
        check_fit(self.model, self.data)

    def digest_parts(self) -> Parts:
        """Weights, images, precision and seed; masks, scores and a recipe that come along."""
        yield f"prune|{self.model.fingerprint}|{self.data.fingerprint}|{self.precision}"
        yield f"|{self.seed}"
        for name, bits in sorted(self.model.masks.items()):  # they say what stays cut
            yield name.encode() + bits.tobytes()
        for name, scores in sorted(self.learned.values.items() if self.learned else ()):
            yield f"learned {name}".encode() + np.ascontiguousarray(scores).tobytes()
        if self.recipe is not None:
            yield json.dumps(self.recipe.as_dict(), sort_keys=True)

    def lacks(self, need: str) -> str:
        """Why the case cannot give what a method needs, or ""."""
        if need == "training":
            return "" if self.recipe else "it needs to know how the model was trained."
        return super().lacks(need)

    def rows(self, per_class: int) -> Rows:
        """Images that scores look at: up to so many of each class, drawn by the seed."""
        rows = self.data.rows("train")
        rows = rows if len(rows) else self.data.rows("test")
        order = np.random.default_rng([self.seed, 5]).permutation(rows)
        labels = self.data.labels[order]
        chosen = [order[labels == label][:per_class] for label in np.unique(labels)]
        return np.sort(np.concatenate(chosen))

    def batch(self, per_class: int) -> tuple[Tensor, Tensor]:
        """Those images, (n, 3, side, side) in [0, 1], and their labels (n,)."""
        rows = self.rows(per_class)
        return self.data.pixels(rows), self.data.targets(rows)


def check_fit(model: Classifier, data: DataSet) -> None:
    """Raise BlindspotError where a model has other classes or takes other images than the data."""
    title = data.card.title
    if len(data.classes) != len(model.labels):
        raise BlindspotError(
            f"{title} has {len(data.classes)} classes, but {model.title} tells "
            f"{len(model.labels)} apart: choose the data that it was trained on."
        )
    if data.images.shape[2:] != (model.side, model.side):
        size = " × ".join(map(str, data.images.shape[2:]))
        raise BlindspotError(
            f"{title} has images of {size} pixels, but {model.title} takes "
            f"{model.side} × {model.side}: choose the data that it was trained on."
        )
