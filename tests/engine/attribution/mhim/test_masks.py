"""Which tiles are masked, against a slow re-derivation from the sheet."""

import math
from math import ceil

import numpy as np
import pytest
import torch

from engine.attribution.mhim import masks
from engine.core.errors import BadSetting
from tests.tiny import seeded

HOW = {
    "HAM": masks.Masking(high=0.1),
    "RHAM": masks.Masking(high=0.1, varied=0.4),
    "LHAM": masks.Masking(high=0.1, low=0.3),
    "RAM": masks.Masking(high=0.1, varied=0.5, low=0.2, random=0.4),
    "v2": masks.Masking(high=0.07, varied=0.5, recycled=0.35),
    "constant": masks.Masking(high=0.13, falls=False),
}


def scores(bags=5, size=23, seed=3):
    return torch.rand(bags, size, generator=seeded(seed)).softmax(1)


@pytest.mark.parametrize("name", HOW)
@pytest.mark.parametrize("done", [0.0, 0.3, 0.9])
def test_masks_are_those_of_a_slow_derivation(name, done):
    result = masks.select(scores(), HOW[name], done, seeded(7)).numpy()
    assert result.tolist() == masks_of(scores(), HOW[name], done, seeded(7)).tolist()
    assert len(np.unique(result)) > 1 or not HOW[name].high_at(done)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.15, 0.2])
@pytest.mark.parametrize("size", [10, 60, 61])
@pytest.mark.parametrize("varied", [1.0, 0.5])
def test_exactly_the_share_of_the_tiles_is_masked(share, size, varied):
    how = masks.Masking(high=share, varied=varied, falls=False)
    result = masks.select(scores(4, size), how, 0.5, seeded())
    expected = ceil(round(share * size, 6))
    assert (result == masks.HIGH).sum(1).tolist() == [expected] * 4
    assert (result != masks.UNMASKED).sum(1).tolist() == [expected] * 4


def test_the_highest_and_lowest_are_masked_and_a_union_counts_a_tile_once():
    table = scores()
    result = masks.select(table, masks.Masking(high=0.1, low=0.2), 0.0, seeded())
    for bag_scores, kinds in zip(table, result, strict=True):
        assert bag_scores[kinds == masks.HIGH].min() > bag_scores[kinds != masks.HIGH].max()
        assert bag_scores[kinds == masks.LOW].max() < bag_scores[kinds == masks.UNMASKED].min()
    how = masks.Masking(high=0.2, low=0.2, random=0.5, falls=False)
    result = masks.select(scores(200, 20), how, 0.0, seeded())
    masked = (result != masks.UNMASKED).sum(1)
    assert (result == masks.HIGH).sum(1).eq(4).all()
    assert (result == masks.LOW).sum(1).eq(4).all()
    assert 10 <= masked.min() <= masked.max() <= 18
    assert masked.float().mean().item() == pytest.approx(8 + 10 * 12 / 20, abs=0.3)


def test_varied_masks_are_drawn_from_more_of_the_highest_and_recycled_ones_from_the_rest():
    table = scores(1, 40).expand(300, -1)
    result = masks.select(table, masks.Masking(high=0.1, varied=0.25, falls=False), 0.0, seeded())
    often = (result == masks.HIGH).float().mean(0)
    order = table[0].argsort(descending=True)
    assert often[order[16:]].sum() == 0
    assert often[order[:16]].numpy() == pytest.approx(np.full(16, 0.25), abs=0.1)
    result = masks.select(scores(6, 60), HOW["v2"], 0.0, seeded())
    left = 60 - masks.count(60, 0.07)
    assert (result == masks.RECYCLED).sum(1).tolist() == [left - int(left * 0.65)] * 6
    assert not (result == masks.RANDOM).any()
    most = masks.select(scores(3, 5), masks.Masking(recycled=0.9), 0.0, seeded())
    assert (most == masks.UNMASKED).sum(1).min() == 1


def test_the_share_falls_by_a_cosine_and_no_bag_may_lose_every_tile():
    how = masks.Masking(high=0.2)
    assert [how.high_at(done) for done in (0.0, 0.5, 1.0)] == pytest.approx([0.2, 0.1, 0.0])
    assert masks.Masking(high=0.2, falls=False).high_at(0.9) == 0.2
    with pytest.raises(BadSetting, match="21 of 20 tiles would be masked"):
        masks.Masking(high=0.15, low=0.4, random=0.5).check(20)
    masks.Masking(high=0.15, low=0.3, random=0.5).check(20)


def masks_of(scores, how, done, generator):
    """The kind of each tile of each bag; random orders are drawn as the method draws them."""
    bags, size = scores.shape
    share = how.high * (1 + math.cos(math.pi * done)) / 2 if how.falls else how.high
    at_random, low, high = (ceil(round(size * part, 6)) for part in (how.random, how.low, share))
    results = np.full((bags, size), masks.UNMASKED)
    if at_random:
        drawn = torch.rand(bags, size, generator=generator)
        for tiles, numbers in zip(results, drawn.tolist(), strict=True):
            tiles[np.argsort(numbers)[:at_random]] = masks.RANDOM
    best = np.argsort(-scores.numpy(), axis=1, kind="stable")
    for tiles, order in zip(results, best, strict=True):
        tiles[order[size - low :]] = masks.LOW
    among = min(size, max(high, ceil(round(size * share / how.varied, 6))))
    places = np.arange(among)[None].repeat(bags, 0)
    if among > high > 0:
        places = torch.rand(bags, among, generator=generator).numpy().argsort(1)
    for tiles, order, chosen in zip(results, best, places, strict=True):
        tiles[order[chosen[:high]]] = masks.HIGH
    for tiles in results if how.recycled else ():
        visible = np.flatnonzero(tiles == masks.UNMASKED)
        cutoff = max(1, math.floor(round(len(visible) * (1 - how.recycled), 6)))
        order = torch.randperm(len(visible), generator=generator).numpy()
        tiles[visible[order[cutoff:]]] = masks.RECYCLED
    return results
