"""Each image brighter or darker by a factor of its own, as scans come through different windows."""

from dataclasses import dataclass, replace
from math import log

import numpy as np
from numpy.typing import NDArray

from engine.core.method import Slider, setting
from engine.vision.data.dataset import DataSet
from engine.vision.data.recipe import Variant, seed_setting


@dataclass(frozen=True)
class Brightness(Variant):
    """Every value of an image times one factor, cut at white; a healthy twin is lit as its image.

    Factors are drawn evenly on a logarithmic scale between 1 / `most` and `most`. The truth
    "factor" keeps them, (N,).
    """

    word = "brightness"
    title = "Brighter and darker"

    most: float = setting(
        1.6,
        Slider(1.0, 4.0, 0.1),
        "Factor",
        "By how much the brightest of them is brighter than it was, and the darkest darker.",
    )
    seed: int = seed_setting()

    def __call__(self, data: DataSet) -> DataSet:
        """The same images in another light."""
        factors = self.factors(len(data))
        truth = {**data.truth, "factor": factors}
        if "twin" in truth:
            truth["twin"] = lit(truth["twin"], factors)
        card = replace(data.card, title=f"{data.card.title} · {self.title.lower()}")
        return replace(
            data,
            images=lit(data.images, factors),
            truth=truth,
            card=card,
            name=f"{data.name}+{self.name}",
        )

    def factors(self, count: int) -> NDArray[np.float32]:
        """Of so many images, (count,)."""
        rng = np.random.default_rng([self.seed, 61])
        result = np.exp(rng.uniform(-log(self.most), log(self.most), count))
        return result.astype(np.float32)


def lit(images: NDArray[np.uint8], factors: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Images (N, …), each times its factor (N,), cut at white."""
    scaled = images * factors.reshape(-1, *(1 for _ in images.shape[1:]))
    return np.rint(scaled).clip(0, 255).astype(np.uint8)
