"""Images of a data set that a model gets right, to attack all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor
from torch.nn.functional import interpolate

from engine.attribution.robustness.gradient_steps import refuse_one_class
from engine.attribution.robustness.ordered_case import no_head
from engine.case_base import Case
from engine.data import DataSet
from engine.errors import BadData
from engine.method import Precision
from engine.models.classifier import Classifier

MOST = 100  # images
LOOKED = 10  # times as many are looked at, so that enough of them are right


@dataclass(frozen=True, eq=False)
class AttackedImagesCase(Case):
    """A model, and so many test images that it gets right.

    Args:
        model: the classifier.
        data: where the images are from. Where its classes are not the model's, as of photographs,
            the class that the model says is taken for the right one.
        count: at most so many images, as many of each class as there are.
        seed: which of them, and of every random number.
        precision: "exact" is the only one.
    """

    case_name: ClassVar[str] = "attacked images"
    what: ClassVar[str] = "a classifier and images that it gets right"

    model: Classifier
    data: DataSet
    count: int = 20
    seed: int = 0
    precision: Precision = "exact"

    def __post_init__(self) -> None:
        refuse_one_class(self.model)

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        return super().facts() | {
            "images": self.count, "alike": f"{self.model.fingerprint}|{self.count}",
        }  # fmt: skip

    def lacks(self, need: str) -> str:
        """Why the case cannot give what an attack needs, or ""."""
        return no_head(self.model) if need == "head" else super().lacks(need)

    def images(self) -> tuple[Tensor, list[int]]:
        """The images (n, 3, side, side) in [0, 1], and the class of each.

        Raises:
            BadData: the model gets none right.
        """
        data, side = self.data, self.model.side
        split = next(
            (one for one in ("test", "validation", "train") if len(data.rows(one))), "test"
        )
        rows = data.some(split, LOOKED * self.count, self.seed)
        pixels = data.pixels(rows)
        if pixels.shape[2:] != (side, side):
            pixels = interpolate(pixels, (side, side), mode="bilinear", antialias=True)
        said = self.model.logits(pixels).argmax(1).numpy()
        known = data.classes == self.model.labels
        right = said == data.labels[rows] if known else np.ones(len(rows), bool)
        kept = np.flatnonzero(right)[: self.count]
        if not len(kept):
            raise BadData(f"{self.model.title} gets none of the images of {data.card.title} right.")
        return pixels[kept].contiguous(), [int(label) for label in said[kept]]
