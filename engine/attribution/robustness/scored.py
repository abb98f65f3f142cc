"""What an attack did, as views: pictures, what the model says before and after, and how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.core.result import Pictures, Result, Table
from engine.evaluation.measures.levels import as_picture, levels_to_pixels, magnified, sizes
from engine.evaluation.measures.likeness import ssim, visible
from engine.vision.case import ImageCase
from engine.vision.models.classifier import Classifier

FIRST = 5  # classes of which the probabilities are kept, before and after
HARDLY = 0.1  # a probability of the first class below which the model is sure of none
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class Rescored:
    """An image before and after a change in whole gray levels, both asked again.

    Args:
        model: the classifier, in exact precision.
        levels: of the image, (3, H, W) int16.
        change: levels added, (3, H, W) int16.
        logits: of the image and of the changed one, (2, classes).
    """

    model: Classifier
    levels: Tensor
    change: Tensor
    logits: Tensor

    @classmethod
    def of(cls, case: ImageCase, levels: Tensor, change: Tensor) -> Rescored:
        """Ask the exact model about both 8-bit images."""
        both = torch.stack([levels_to_pixels(levels), levels_to_pixels(levels + change)])
        return cls(case.model, levels, change, case.model.logits(both))

    @property
    def order(self) -> Tensor:
        """Classes from the most to the least likely, before and after, (2, classes)."""
        return self.logits.argsort(dim=1, descending=True, stable=True)

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the classes."""
        return self.model.labels

    @property
    def fooled(self) -> bool:
        """Whether the first class is another one."""
        return bool(self.order[0, 0] != self.order[1, 0])

    @property
    def likeness(self) -> float:
        """SSIM of the two images; NaN where they are too small."""
        return ssim(levels_to_pixels(self.levels), levels_to_pixels(self.levels + self.change))

    def says(self, row: int) -> str:
        """The first class with its probability."""
        first = int(self.order[row, 0])
        return f"{self.model.labels[first]} {percent(float(self.logits[row].softmax(0)[first]))}"

    def views(self, class_ids: Sequence[int] = ()) -> Result:
        """Pictures, probabilities and figures.

        Args:
            class_ids: classes that are named first, in this order; then those that lead.
        """
        return {
            "pictures": self.pictures(),
            "classes": self.classes(class_ids),
            "figures": self.figures(),
        }

    def pictures(self) -> Pictures:
        """Before, the change enlarged on gray, and after."""
        noise, times = magnified(self.change)
        images = [as_picture(self.levels), noise, as_picture(self.levels + self.change)]
        size = sizes(self.change)
        captions = (self.says(0), f"at most {size['L∞']:.0f}/255, drawn × {times}", self.says(1))
        finding = (
            f"{self.says(0)} before, {self.says(1)} after. Asked again in 8 bits; gray is no "
            "change."
        )
        rows, columns = ("",), (BEFORE, "change", AFTER)
        return Pictures(np.stack(images)[None], rows, columns, finding, captions=captions)

    def classes(self, class_ids: Sequence[int] = ()) -> Table:
        """Probability and rank, before and after, of the classes that are listed or lead."""
        leading = [int(index) for row in (1, 0) for index in self.order[row, :FIRST]]
        shown_classes = list(dict.fromkeys([*class_ids, *leading]))
        ranks = torch.empty_like(self.order)
        places = torch.arange(self.order.shape[1])
        for row in range(2):
            ranks[row, self.order[row]] = places + 1
        shares = self.logits.softmax(1)
        return Table.of(
            {
                BEFORE: (shares[0, shown_classes].numpy(), "probability"),
                AFTER: (shares[1, shown_classes].numpy(), "probability"),
                "rank before": (ranks[0, shown_classes].numpy(), "rank"),
                "rank after": (ranks[1, shown_classes].numpy(), "rank"),
                "class": (np.array(shown_classes), "number"),
            },
            rows=[self.model.labels[index] for index in shown_classes],
        )

    def figures(self) -> Table:
        """How large the change is, and whether the first class is another one."""
        size = sizes(self.change)
        columns = {
            "L∞": (size["L∞"], "/255"),
            "RMS": (size["RMS"], "/255"),
            "L2": (size["L2"], "pixel values"),
            "pixels changed": (size["changed"], "share"),
            "SSIM": (self.likeness, ""),
            "another class": (float(self.fooled), "yes or no"),
        }
        return Table.of(
            {name: (np.array([value], np.float32), unit) for name, (value, unit) in columns.items()}
        )


def percent(share: float) -> str:
    """A probability in percent, small ones with the digit that counts."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def unsure(result: Mapping[str, Any]) -> str:
    """That the model is hardly sure of anything after the change; "" where it is."""
    share = float(np.max(result["classes"][AFTER]))
    if share >= HARDLY:
        return ""
    return f" It is hardly sure of any class by then: the first has {percent(share)}."


def attacked_pixels(result: Mapping[str, Any]) -> Tensor:
    """The changed image of an attack's answer, (3, H, W) in [0, 1], exactly as it was scored."""
    image = torch.from_numpy(np.array(result["pictures"].images[0, 2]))
    return levels_to_pixels(image.permute(2, 0, 1).to(torch.int16).contiguous())


def seen_words(result: Mapping[str, Any]) -> str:
    """What an attack's change does to the image for the eye; "" where it is hardly seen."""
    images = result["pictures"].images[0]
    return visible(images[0], images[2], float(result["figures"]["SSIM"][0]))
