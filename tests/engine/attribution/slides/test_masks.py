"""Which tiles are masked, against a slow re-derivation from the sheet."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
import torch

from engine.attribution.slides.masks import (
    HIGH,
    LOW,
    RANDOM,
    RECYCLED,
    UNMASKED,
    Masking,
    count,
    select,
)
from engine.errors import BadSetting
from tests.engine.attribution.slides.by_hand import masks_of
from tests.tiny import seeded

HOW = {
    "HAM": Masking(high=0.1),
    "RHAM": Masking(high=0.1, varied=0.4),
    "LHAM": Masking(high=0.1, low=0.3),
    "RAM": Masking(high=0.1, varied=0.5, low=0.2, random=0.4),
    "v2": Masking(high=0.07, varied=0.5, recycled=0.35),
    "constant": Masking(high=0.13, falls=False),
}


def scores(bags=5, size=23, seed=3):
    return torch.rand(bags, size, generator=seeded(seed)).softmax(1)


@pytest.mark.parametrize("name", HOW)
@pytest.mark.parametrize("done", [0.0, 0.3, 0.9])
def test_masks_are_those_of_a_slow_derivation(name, done):
    result = select(scores(), HOW[name], done, seeded(7)).numpy()
    assert result.tolist() == masks_of(scores(), HOW[name], done, seeded(7)).tolist()
    assert len(np.unique(result)) > 1 or not HOW[name].high_at(done)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.15, 0.2])
@pytest.mark.parametrize("size", [10, 60, 61])
@pytest.mark.parametrize("varied", [1.0, 0.5])
def test_exactly_the_share_of_the_tiles_is_masked(share, size, varied):
    how = Masking(high=share, varied=varied, falls=False)
    result = select(scores(4, size), how, 0.5, seeded())
    expected = ceil(round(share * size, 6))
    assert (result == HIGH).sum(1).tolist() == [expected] * 4
    assert (result != UNMASKED).sum(1).tolist() == [expected] * 4


def test_the_highest_are_masked_and_the_lowest():
    table = scores()
    result = select(table, Masking(high=0.1, low=0.2), 0.0, seeded())
    for bag_scores, kinds in zip(table, result, strict=True):
        assert bag_scores[kinds == HIGH].min() > bag_scores[kinds != HIGH].max()
        assert bag_scores[kinds == LOW].max() < bag_scores[kinds == UNMASKED].min()


def test_a_union_counts_a_tile_once():
    how = Masking(high=0.2, low=0.2, random=0.5, falls=False)
    result = select(scores(200, 20), how, 0.0, seeded())
    masked = (result != UNMASKED).sum(1)
    assert (result == HIGH).sum(1).eq(4).all()
    assert (result == LOW).sum(1).eq(4).all()
    assert 10 <= masked.min() <= masked.max() <= 18
    assert masked.float().mean().item() == pytest.approx(8 + 10 * 12 / 20, abs=0.3)


def test_varied_masks_are_drawn_from_a_larger_set_of_the_highest():
    table = scores(1, 40).expand(300, -1)
    result = select(table, Masking(high=0.1, varied=0.25, falls=False), 0.0, seeded())
    often = (result == HIGH).float().mean(0)
    order = table[0].argsort(descending=True)
    assert often[order[16:]].sum() == 0
    assert often[order[:16]].numpy() == pytest.approx(np.full(16, 0.25), abs=0.1)


def test_recycled_tiles_are_a_share_of_what_is_left():
    result = select(scores(6, 60), HOW["v2"], 0.0, seeded())
    left = 60 - count(60, 0.07)
    assert (result == RECYCLED).sum(1).tolist() == [left - int(left * 0.65)] * 6
    assert (select(scores(3, 5), Masking(recycled=0.9), 0.0, seeded()) == UNMASKED).sum(
        1
    ).min() == 1
    assert not (result == RANDOM).any()


def test_the_share_falls_to_nothing_by_a_cosine():
    how = Masking(high=0.2)
    assert [how.high_at(done) for done in (0.0, 0.5, 1.0)] == pytest.approx([0.2, 0.1, 0.0])
    assert Masking(high=0.2, falls=False).high_at(0.9) == 0.2


def test_a_bag_that_could_lose_every_tile_is_refused():
    with pytest.raises(BadSetting, match="21 of 20 tiles would be masked"):
        Masking(high=0.15, low=0.4, random=0.5).check(20)
    Masking(high=0.15, low=0.3, random=0.5).check(20)
