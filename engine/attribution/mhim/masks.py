"""Which tiles a student does not see: those that its teacher finds obvious, and some others."""

from dataclasses import dataclass
from math import ceil, cos, floor, pi

import torch
from torch import Tensor

from engine.core.errors import BadSetting

UNMASKED, HIGH, LOW, RANDOM, RECYCLED = range(5)
KINDS = ("seen", "highest", "lowest", "at random", "recycled")
EXACT = 1e-9  # what float arithmetic may add to a whole number of tiles


@dataclass(frozen=True)
class Masking:
    """How many tiles of N are masked.

    Args:
        high: r_h, the share with the highest teacher's score, at the beginning.
        varied: r_hr; those are drawn from a set 1 / r_hr as large (RHAM); 1 takes the highest
            (HAM).
        low: r_l, the share with the lowest score (LHAM).
        random: r, the share drawn from all tiles (RAM).
        recycled: 1 − ρ, the share of what is left after r_h that goes to the recycling network.
        falls: whether r_h falls to 0 by a cosine.
    """

    high: float = 0.0
    varied: float = 1.0
    low: float = 0.0
    random: float = 0.0
    recycled: float = 0.0
    falls: bool = True

    def high_at(self, done: float) -> float:
        """r_h when that share of the steps is done."""
        return self.high * (1 + cos(pi * done)) / 2 if self.falls else self.high

    def check(self, size: int) -> None:
        """Raise BadSetting where a bag of so many tiles could be left without any."""
        most = count(size, self.high) + count(size, self.low) + count(size, self.random)
        if most >= size:
            raise BadSetting(
                f"{most} of {size} tiles would be masked: choose smaller shares, together below "
                "100 %."
            )


def count(size: int, share: float) -> int:
    """⌈N r⌉, where 60 · 0.05 is 3."""
    return ceil(size * share - EXACT)


def select(scores: Tensor, how: Masking, done: float, generator: torch.Generator) -> Tensor:
    """What happens to each tile, (B, N) int8: UNMASKED, or why it is masked.

    A tile that is masked twice has the first reason of HIGH, LOW and RANDOM.

    Args:
        scores: the teacher's, (B, N).
        how: many are masked.
        done: share of the steps that are done.
        generator: of what is drawn.
    """
    bags, size = scores.shape
    result = torch.full((bags, size), UNMASKED, dtype=torch.int8)
    order = scores.detach().cpu().argsort(dim=1, descending=True, stable=True)
    # from the weakest reason to the strongest: what is written later stays
    if drawn := count(size, how.random):
        result.scatter_(1, random_orders(bags, size, generator)[:, :drawn], RANDOM)
    if lowest := count(size, how.low):
        result.scatter_(1, order[:, size - lowest :], LOW)
    if highest := count(size, how.high_at(done)):
        # RHAM: as many tiles as HAM masks, drawn from a larger set of the highest
        among = min(size, max(highest, count(size, how.high_at(done) / how.varied)))
        places = order[:, :among]
        if among > highest:
            places = places.gather(1, random_orders(bags, among, generator)[:, :highest])
        result.scatter_(1, places, HIGH)
    if how.recycled:
        recycle(result, how, generator)
    return result


def recycle(masks: Tensor, how: Masking, generator: torch.Generator) -> None:
    """Send some of the tiles that are still seen to the recycling network; one at least stays."""
    for mask in masks:
        visible = torch.nonzero(mask == UNMASKED).squeeze(1)
        kept_count = max(1, floor(len(visible) * (1 - how.recycled) + EXACT))
        mask[visible[torch.randperm(len(visible), generator=generator)[kept_count:]]] = RECYCLED


def random_orders(bags: int, size: int, generator: torch.Generator) -> Tensor:
    """A random order of so many places for each bag, (bags, size)."""
    return torch.rand(bags, size, generator=generator).argsort(1)
