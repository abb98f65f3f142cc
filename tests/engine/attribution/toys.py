"""Maps made by a function, to be put on trial; images asked of networks that a test makes."""

from dataclasses import dataclass
from itertools import count
from typing import ClassVar

import numpy as np
import torch.nn.functional as F

from engine.core.method import Method, quiet
from engine.core.result import HeatMap
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from tests import tiny

REVISIONS = count(1)  # a toy is never taken for another one


@dataclass(frozen=True)
class Toy(Method[ImageCase]):
    family = "example"
    name = "Toy"
    title = "Toy"
    cost = "live"
    draw: ClassVar

    def __call__(self, case, progress=quiet):
        return {"map": HeatMap(self.draw(case).astype(np.float32), "one", signed=True)}


def toy(draw):
    toy_class = type("Toy", (Toy,), {"draw": staticmethod(draw), "revision": next(REVISIONS)})
    return toy_class()


def slow(draw):
    """A toy that tells how far it is."""

    def call(self, case, progress=quiet):
        return {"map": HeatMap(draw(case, progress).astype(np.float32), "one", signed=True)}

    return type("Toy", (Toy,), {"__call__": call, "revision": next(REVISIONS)})()


def case_of(network, target=2, side=tiny.SIDE):
    """The tiny image of that side, asked of a network."""
    target = target if isinstance(target, Target) else Target(target)
    return ImageCase(tiny.classifier(network, side), tiny.image(side), target)


def enlarged(cells):
    """Cells (h, w) at the tiny image's size, bilinear."""
    return F.interpolate(cells[None, None], (tiny.SIDE,) * 2, mode="bilinear")[0, 0].numpy()
