"""A picture and a classifier, as long as a case's arguments are declared here."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from engine.commands.arguments.classifiers import ModelArguments
from engine.core.method import CaseT
from engine.vision.case import ImageCase
from engine.vision.images import Crop
from engine.vision.models.classifier import Classifier
from engine.vision.pictures import (
    EXAMPLE,
    SAMPLE,
    TWIN,
    first_picture,
    named_input,
    open_picture,
    picture_options,
)

SPECS = ImageCase.specs()

__all__ = ["EXAMPLE", "SAMPLE", "TWIN", "SquareArguments", "open_picture", "picture_options"]


@dataclass(frozen=True)
class SquareArguments(ModelArguments[CaseT]):
    """A picture, the square of it that the model sees, and a classifier."""

    unnamed: ClassVar[tuple[str, ...]] = ("image",)

    image: str | None = copy(SPECS["image"])  # type: ignore[assignment]  # a declaration
    crop_x: float = copy(SPECS["crop_x"])  # type: ignore[assignment]  # as above
    crop_y: float = copy(SPECS["crop_y"])  # type: ignore[assignment]  # as above

    def square(self, model: Classifier) -> tuple[str, Tensor]:
        """The name of the picture, and what the model sees of it, (3, side, side) in [0, 1]."""
        name = self.image or first_picture(model)
        return name, named_input(name, Crop(self.crop_x, self.crop_y), model)
