"""Scores against a mask, by their definitions and against plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import BlindspotError
from engine.evaluation.measures import located

SHAPE = (8, 6)


def square() -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[2:5, 1:4] = True
    return mask


def test_the_mask_itself_scores_full_marks_and_its_opposite_none():
    mask = square()
    result = located(mask.astype(np.float32), mask)
    assert (result.hit, result.mass, result.rank, result.chance) == (1, 1, 1, 9 / 48)
    other = located((~mask).astype(np.float32), mask)
    assert (other.hit, other.mass, other.rank) == (0, 0, 0)


def test_a_flat_map_scores_what_chance_gives():
    result = located(np.full(SHAPE, 3.0, np.float32), square())
    assert (result.hit, result.mass, result.rank) == pytest.approx((result.chance,) * 3)


def test_negative_values_have_no_mass_but_a_rank():
    values = np.where(square(), -1.0, -2.0).astype(np.float32)
    with np.errstate(all="raise"):  # nothing is divided by nothing
        result = located(values, square())
    assert np.isnan(result.mass)
    assert (result.hit, result.rank) == (1, 1)


def test_small_values_have_a_mass_too():
    values = np.where(square(), 3e-6, 1e-6).astype(np.float32)
    assert located(values, square()).mass == pytest.approx(27 / (27 + 39))


def test_what_is_unknown_counts_as_lowest():
    for lowest in (np.nan, -np.inf):
        values = np.where(square(), 1.0, lowest).astype(np.float32)
        result = located(values, square())
        assert (result.hit, result.mass, result.rank) == (1, 1, 1)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.9))
def test_distinct_values_agree_with_plain_loops(seed, share):
    rng = np.random.default_rng(seed)
    values = rng.permutation(SHAPE[0] * SHAPE[1]).reshape(SHAPE).astype(np.float32) - 20
    mask = rng.random(SHAPE) < share
    mask[0, 0] = True
    result = located(values, mask)
    order = np.argsort(-values, axis=None)
    inside = mask.ravel()[order]
    assert result.hit == inside[0]
    assert result.rank == pytest.approx(inside[: mask.sum()].mean())
    mass = sum(v for v, m in zip(values.ravel(), mask.ravel(), strict=True) if m and v > 0)
    assert result.mass == pytest.approx(mass / values[values > 0].sum())


def test_an_empty_mask_and_another_size_are_said():
    with pytest.raises(BlindspotError, match="empty"):
        located(np.ones(SHAPE, np.float32), np.zeros(SHAPE, bool))
    with pytest.raises(BlindspotError, match="differ in size"):
        located(np.ones((2, 2), np.float32), square())
