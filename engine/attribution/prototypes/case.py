"""What is asked: what prototypes make of one image, after they were learned from a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from engine.case_base import Case, Precision
from engine.data import DataSet
from engine.device import best_device
from engine.errors import BlindspotError
from engine.experiment import ExperimentCase

EDGE = 0.5  # mean of the outermost pixels from which on paper is light


@dataclass(frozen=True, eq=False)
class PrototypeCase(Case):
    """An image, and the data that prototypes are learned from.

    Args:
        data: a data set.
        image: as its images are: (C, side, side) in [0, 1], float32.
        seed: of the training.
        precision: "exact" is the only one.

    Raises:
        BlindspotError: the image has another shape, or holds what is no number.
    """

    case_name: ClassVar[str] = "prototypes"
    what: ClassVar[str] = "an image and a data set to learn prototypes from"
    asks: ClassVar[str] = ""

    data: DataSet
    image: Tensor
    seed: int = 0
    precision: Precision = "exact"

    def __post_init__(self) -> None:
        wanted = tuple(self.data.images.shape[1:])
        if tuple(self.image.shape) != wanted:
            raise BlindspotError(
                f"Images of {self.data.card.title} are {wanted}, not {tuple(self.image.shape)}."
            )
        if not torch.isfinite(self.image).all():
            raise BlindspotError("A pixel of this image is no number.")

    @property
    def lane(self) -> str:
        """The device whose lane trains."""
        return str(best_device())

    @property
    def learned(self) -> ExperimentCase:
        """The case of the training."""
        return ExperimentCase(self.data, self.seed, self.precision)

    @property
    def pixels(self) -> Tensor:
        """The image as a network is asked about it, (1, 3, side, side)."""
        return self.image.expand(3, -1, -1)[None]

    @property
    def blank(self) -> bool:
        """Whether all of its pixels are alike."""
        return bool(self.image.max() - self.image.min() < 1 / 255)

    def facts(self) -> dict[str, Any]:
        """What it is, for the record: no pixels."""
        return super().facts() | {"alike": self.data.name}  # in seconds


def as_learned(pixels: Tensor, data: DataSet) -> tuple[Tensor, bool]:
    """An image (3, side, side) as the data set has its own, and whether it was inverted.

    Dark strokes on light paper are inverted where the data has light strokes on a dark ground.

    Returns:
        (C, side, side), and whether black and white were exchanged.
    """
    if data.images.shape[1] == 3:
        return pixels, False
    gray = pixels.mean(0, keepdim=True)
    inverted = edge(gray) > EDGE > edge(torch.from_numpy(data.images[:200] / 255.0))
    return (1 - gray if inverted else gray), inverted


def edge(images: Tensor) -> float:
    """Mean of the outermost pixels of images (…, H, W)."""
    rim = torch.cat([images[..., 0, :], images[..., -1, :], images[..., :, 0], images[..., :, -1]], -1)
    return float(rim.mean())
