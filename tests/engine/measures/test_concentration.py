"""Gini and entropy at their ends and against their definitions written as loops."""

from __future__ import annotations

from itertools import product
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BlindspotError
from engine.measures.concentration import entropy, file_bytes, gini

SIZE = 48


def delta():
    values = np.zeros((6, 8), np.float32)
    values[2, 3] = -5
    return values


def test_a_constant_map_has_no_gini_and_the_entropy_of_d():
    flat = np.full((6, 8), -0.3, np.float32)
    assert gini(flat) == pytest.approx(0, abs=1e-12)
    assert entropy(flat) == pytest.approx(log(SIZE))


def test_one_place_alone_has_the_highest_gini_and_no_entropy():
    assert gini(delta()) == pytest.approx(1 - 1 / SIZE)
    assert entropy(delta()) == 0


@given(seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3))
def test_they_follow_their_definitions_and_no_scale_changes_them(seed, scale):
    values = np.random.default_rng(seed).normal(size=(3, 4)).astype(np.float32)
    sizes = [abs(float(value)) for value in values.ravel()]
    mean = sum(sizes) / len(sizes)
    apart = sum(abs(a - b) for a, b in product(sizes, sizes))
    assert gini(values) == pytest.approx(apart / (2 * len(sizes) ** 2 * mean), rel=1e-6)
    shares = [size / sum(sizes) for size in sizes]
    assert entropy(values) == pytest.approx(-sum(p * log(p) for p in shares), rel=1e-6)
    assert gini(values * np.float32(scale)) == pytest.approx(gini(values), rel=1e-4)


def test_a_map_of_zeros_has_neither_and_an_unknown_one_is_refused():
    zeros = np.zeros((4, 4), np.float32)
    assert np.isnan(gini(zeros))
    assert np.isnan(entropy(zeros))
    zeros[1, 1] = np.nan
    for measure in (gini, entropy, file_bytes):
        with pytest.raises(BlindspotError, match="not known everywhere"):
            measure(zeros)


def test_a_simple_map_makes_a_smaller_file_than_noise():
    noise = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    step = np.zeros((64, 64), np.float32)
    step[:, 32:] = 1
    assert file_bytes(step) < file_bytes(noise) / 10
