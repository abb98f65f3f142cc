"""Gini and entropy at their ends and against their definitions written as loops."""

from itertools import product
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.core.errors import BlindspotError
from engine.evaluation.measures.concentration import NOTHING, entropy, file_bytes, gini
from tests.in_memory import written

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
    assert not np.signbit(entropy(delta()))  # shown as 0, not as −0


@given(seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3))
def test_they_follow_their_definitions_and_no_scale_changes_them(seed, scale):
    values = np.random.default_rng(seed).normal(size=(3, 4)).astype(np.float32)
    sizes = [abs(float(value)) for value in values.ravel()]
    mean = sum(sizes) / len(sizes)
    differences = sum(abs(a - b) for a, b in product(sizes, sizes))
    assert gini(values) == pytest.approx(differences / (2 * len(sizes) ** 2 * mean), rel=1e-6)
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


def test_sizes_that_add_up_to_nothing_are_zeros():
    for measure in (gini, entropy):
        assert np.isnan(measure(np.array([[NOTHING, 0.0]])))
        assert measure(np.array([[2 * NOTHING, 0.0]])) == measure(np.array([[1.0, 0.0]]))


def test_a_flat_map_has_the_file_of_a_black_picture():
    buffer = written(Image.fromarray(np.zeros((40, 30), np.uint8)).save, "PNG", compress_level=9)
    for flat in (0.0, -0.7):
        assert file_bytes(np.full((40, 30), flat, np.float32)) == len(buffer)
    nearly = np.zeros((40, 30))
    nearly[::3, ::2] = NOTHING  # no more than rounding
    assert file_bytes(nearly) == len(buffer) < file_bytes(2 * nearly)


def test_a_simple_map_makes_a_smaller_file_than_noise():
    noise = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    step = np.zeros((64, 64), np.float32)
    step[:, 32:] = 1
    assert file_bytes(step) < file_bytes(noise) / 10


@pytest.mark.parametrize("span", [1, 4, 250])
def test_a_map_has_the_file_of_its_picture_from_its_smallest_to_its_largest_value(span):
    """Raised by a constant, or stretched, it is the same picture, so the same file."""
    drawn = np.random.default_rng(0).integers(0, 256, (40, 40)).astype(np.float32)
    steps = np.zeros((40, 40), np.float32)
    steps[5:9, 5:9], steps[20:30, 11:33] = 255, 128
    for values in (drawn, steps):
        values[0, :2] = 0, 255
        buffer = written(Image.fromarray(values.astype(np.uint8)).save, "PNG", compress_level=9)
        assert file_bytes((values / 255 * span) + 100) == len(buffer)
        assert file_bytes(-values) == len(buffer)
