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


CHANCE = 9 / 48


@pytest.mark.parametrize(
    ("inside", "outside", "hit", "mass", "rank"),
    [
        (1, 0, 1, 1, 1),  # the mask itself
        (0, 1, 0, 0, 0),
        (3, 3, CHANCE, CHANCE, CHANCE),
        (-1, -2, 1, np.nan, 1),  # negative values have no mass
        (3e-6, 1e-6, 1, 27 / (27 + 39), 1),
        (1, np.nan, 1, 1, 1),  # what is unknown counts as lowest
        (1, -np.inf, 1, 1, 1),
    ],
)
def test_a_map_of_two_values_scores_what_they_say_and_a_flat_one_chance(
    inside, outside, hit, mass, rank
):
    values = np.where(square(), inside, outside).astype(np.float32)
    with np.errstate(all="raise"):  # nothing is divided by nothing
        result = located(values, square())
    assert result.chance == CHANCE
    assert (result.hit, result.rank) == (hit, rank)
    assert result.mass == pytest.approx(mass, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.9))
def test_distinct_values_agree_with_plain_loops(seed, share):
    rng = np.random.default_rng(seed)
    values = rng.permutation(SHAPE[0] * SHAPE[1]).reshape(SHAPE).astype(np.float32) - 20
    mask = rng.random(SHAPE) < share
    mask[0, 0] = True
    result = located(values, mask)
    inside = mask.ravel()[np.argsort(-values, axis=None)]
    assert result.hit == inside[0]
    assert result.rank == pytest.approx(inside[: mask.sum()].mean())
    mass = values[mask & (values > 0)].sum() / values[values > 0].sum()
    assert result.mass == pytest.approx(mass)


def test_an_empty_mask_and_another_size_are_said():
    with pytest.raises(BlindspotError, match="empty"):
        located(np.ones(SHAPE, np.float32), np.zeros(SHAPE, bool))
    with pytest.raises(BlindspotError, match="differ in size"):
        located(np.ones((2, 2), np.float32), square())
