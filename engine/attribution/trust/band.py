"""What the score does while pixels are shown or hidden in random order: one band for every map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch

from engine.attribution.trust.verdict import NOISE
from engine.case import ImageCase
from engine.measures.showing import curves, random_ranks
from engine.method import Choice, Method, Progress, Slider, quiet, setting
from engine.result import Columns, Curve, Floats, Result, View

WAYS: Final = ("insertion", "deletion")
IMAGE, EMPTY = "the image", "the empty picture"


def steps() -> Any:
    """The setting that a band and the map before it share, as do the two below."""
    return setting(10, Slider(5, 50, 1), "Steps", "Steps of equal area from none to all.")


def orders() -> Any:
    """How many random orders."""
    return setting(3, Slider(1, 20, 1), "Random orders", "How many make the band.")


def cover() -> Any:
    """What takes the place of pixels."""
    words = ("mean", "black", "blur")
    return setting("mean", Choice(words), "Hide with", "What hidden pixels become.")


@dataclass(frozen=True)
class RandomBand(Method[ImageCase]):
    """How far random orders of pixels carry the score: what a map's own order has to beat.

    Pixels in random order are shown on an empty picture (insertion), and hidden in the image
    (deletion). It depends on image, model and class alone, so all maps of an image share it.
    """

    family = "attribution"
    name = "RandomBand"
    title = "Random orders of pixels"
    cost = "live"
    paper = "Petsiuk, Das and Saenko 2018, RISE, https://arxiv.org/abs/1806.07421"
    proof = "tests/engine/attribution/test_trust.py::test_the_band_is_what_random_maps_give"

    steps: int = steps()
    orders: int = orders()
    cover: str = cover()

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """areas of each order; the ends of the band; the class's probability with and without."""
        shape = (case.image.shape[1], case.image.shape[2])
        held = {f"random {seed}": random_ranks(shape, seed) for seed in range(self.orders)}
        found = curves(case, held, cover=self.cover, steps=self.steps, progress=progress).values()
        views: dict[str, View] = {
            "areas": Columns.of({
                way: ([getattr(one, f"{way}_area") for one in found], case.target.unit)
                for way in WAYS
            })
        }  # fmt: skip
        (area, *_) = (one.area for one in found)
        for way in WAYS:
            drawn = np.stack([getattr(one, way) for one in found])
            views[f"{way} low"] = over(area, drawn.min(0), case)
            views[f"{way} high"] = over(area, drawn.max(0), case)
        pair = torch.stack([case.image, case.baseline(self.cover)])
        sure = case.model.logits(pair).softmax(1)[:, case.target.index].cpu().numpy()
        views["sure"] = Columns.of({"probability": (sure, "probability")}, rows=(IMAGE, EMPTY))
        return views


def over(area: Floats, score: Floats, case: ImageCase) -> Curve:
    """A score over the share of the image that is shown or hidden."""
    words = case.target.words(case.model.labels)
    return Curve(area, score, "share of the image", words, case.target.unit)


def heights(found: Mapping[str, View]) -> Floats:
    """The scores of all curves, (curves, steps + 1)."""
    return np.stack([view.y for view in found.values() if isinstance(view, Curve)])


def moves(found: Mapping[str, View]) -> bool:
    """Whether any of the curves leaves its start by more than rounding."""
    scores = heights(found)
    return bool(np.ptp(scores) > NOISE * max(np.abs(scores).max(), 1.0))
