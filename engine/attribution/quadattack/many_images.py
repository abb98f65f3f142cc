"""Images of a data set that a model gets right, to attack all of them."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from engine.attribution.one_class import refuse_one_class
from engine.attribution.quadattack.ordered_case import no_head
from engine.core.case_base import Case
from engine.core.controls import argument
from engine.core.errors import BadData
from engine.core.method import Precision, Slider
from engine.core.naming import named_by
from engine.evaluation.detection import sources
from engine.vision.arguments import classifier_field, data_argument, name_of, seed_argument
from engine.vision.data import DataSet
from engine.vision.models.catalog import data_of
from engine.vision.models.classifier import Classifier

MOST = 100  # images
LOOKED = 10  # times as many are looked at, so that enough of them are right
AT_ONCE = 50  # of these, so that large ones fit in memory


def attacked_data(model: Classifier, name: str | None = None) -> DataSet:
    """The data set of that name, or what the model learned from, or the photographs."""
    return sources.normal(name or data_of(model) or sources.PHOTOGRAPHS)


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

    model: Classifier = classifier_field()
    data: DataSet = named_by(
        lambda name, model: attacked_data(model, name),
        name_of,
        data=data_argument(
            None, "A data set by name. Left out: what the model learned from, or the photographs."
        ),
    )
    count: int = named_by(
        default=20,
        count=argument(
            20,
            Slider(1, MOST, 1),
            "Images",
            "How many are attacked; more make the figures steadier.",
        ),
    )
    seed: int = named_by(default=0, seed=seed_argument())
    precision: Precision = "exact"

    def __post_init__(self) -> None:
        refuse_one_class(self.model)

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        return super().facts() | {
            "images": self.count,
            "alike": f"{self.model.fingerprint}|{self.count}",
        }

    def lacks(self, need: str) -> str:
        """Why the case cannot give what an attack needs, or ""."""
        return no_head(self.model) if need == "head" else super().lacks(need)

    def images(self) -> tuple[Tensor, list[int]]:
        """The images (n, 3, side, side) in [0, 1], and the class of each.

        Raises:
            BadData: the model gets none right.
        """
        data = self.data
        split = next(
            (part for part in ("test", "validation", "train") if len(data.rows(part))), "test"
        )
        rows = data.some(split, LOOKED * self.count, self.seed)
        same_classes = data.classes == self.model.labels
        tensors: list[Tensor] = []
        classes: list[int] = []
        for chunk in np.split(rows, range(AT_ONCE, len(rows), AT_ONCE)):
            pixels = self.as_seen(chunk)
            predicted = self.model.logits(pixels).argmax(1).numpy()
            right = predicted == data.labels[chunk] if same_classes else np.ones(len(chunk), bool)
            indices = np.flatnonzero(right)[: self.count - len(classes)]
            tensors.append(pixels[indices].clone())
            classes += predicted[indices].tolist()
            if len(classes) == self.count:
                break
        if not classes:
            raise BadData(f"{self.model.title} gets none of the images of {data.card.title} right.")
        return torch.cat(tensors), classes

    def as_seen(self, rows: NDArray[np.int64]) -> Tensor:
        """Images at the model's size."""
        pixels, side = self.data.pixels(rows), self.model.side
        if pixels.shape[2:] != (side, side):
            pixels = interpolate(pixels, (side, side), mode="bilinear", antialias=True)
        return pixels
