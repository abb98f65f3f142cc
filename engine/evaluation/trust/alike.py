"""How alike two maps of one image are, and how alike they would be by chance.

A map that multiplies by x − b, such as integrated gradients, is zero wherever the pixel x has the
baseline's color b, and large where it has not, whatever the model is. So maps are compared only
where the image differs from the baseline, and beside maps of
(x − b) ⊙ noise, which know the image and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray

from engine.core.result import Floats
from engine.evaluation.maps.gradient import pixel_map
from engine.evaluation.measures.drift import rank_correlation, rank_direction
from engine.evaluation.trust.case import TrustCase
from engine.evaluation.trust.verdict import FLAT, is_informative

SAME_COLOR = 1 / 512  # half a step of an 8-bit color
FEWEST = 10  # pixels that can be compared
NOISES = 8  # maps of noise, each compared with each


@dataclass(frozen=True)
class Comparison:
    """What a comparison of a case's maps goes by.

    Args:
        places: where the image differs from the method's baseline, (H, W); everywhere for a method
            without one.
        signed: whether values are compared, or their sizes.
        chance: the correlation of maps of (x − b) ⊙ noise, the mean over pairs; of values its
            size, so that a map and its opposite count as the same.
    """

    places: NDArray[np.bool_]
    signed: bool
    chance: float

    @classmethod
    def of(cls, case: TrustCase, *, signed: bool) -> Comparison:
        """Of a case's map with other maps of the same method and image, by values or by sizes."""
        difference = input_minus_baseline(case)
        if difference is None:
            return cls(np.ones(case.heat.values.shape, bool), signed, 0.0)
        places = (difference.abs().amax(0) > SAME_COLOR).numpy()
        # a fixed seed: chance is one number for an image, whatever seed its map was made with
        generator = torch.Generator().manual_seed(0)
        draws = [torch.randn(difference.shape, generator=generator) for _ in range(NOISES)]
        kind = "signed" if case.heat.signed else "size"
        noises = [pixel_map(difference * noise, kind, "").values for noise in draws]
        rankings = [rank_direction(noise[places], signed=signed) for noise in noises]
        result = np.array([first @ second for first, second in combinations(rankings, 2)])
        return cls(places, signed, float((np.abs(result) if signed else result).mean()))

    def lacks(self, values: Floats) -> str:
        """Why a map cannot be compared, or ""."""
        if self.places.sum() < FEWEST:
            return f"fewer than {FEWEST} pixels differ from the baseline, too few to compare."
        return "" if is_informative(values[self.places]) else FLAT

    def correlation(self, first: Floats, second: Floats) -> float:
        """Spearman's, of signed values or sizes; NaN when one is flat."""
        return rank_correlation(first[self.places], second[self.places], signed=self.signed)

    def above_chance(self, correlation: float) -> float:
        """The share of the way from chance (0) to the same map (1), or to the opposite one."""
        size = abs(correlation) if self.signed else correlation
        return (size - self.chance) / (1 - self.chance)


def input_minus_baseline(case: TrustCase) -> torch.Tensor | None:
    """x − b, (3, H, W), where the method has a baseline that it multiplies by."""
    name = case.method.settings().get("baseline")
    return None if name is None else case.asked.image - case.asked.baseline(str(name))
