"""What the experiments with victims share: which images are protected, and how far they move."""

from __future__ import annotations

from math import isnan, log10

import numpy as np
import pytest

from engine.lab import TrainCase
from engine.unlearning.experiments.protections import ProtectionVictims
from engine.unlearning.experiments.victims import (
    RANDOM,
    SEED_GAP,
    SHUFFLED,
    SURROGATE,
    closeness,
    partly,
    protected_rows,
)
from engine.unlearning.protection import ErrorMinimizing, protected
from tests.engine.unlearning.experiments.by_hand import SEED, small_case


def moved(data, other):
    """Which rows differ."""
    return np.flatnonzero((data.images != other.images).any((1, 2, 3)))


def drawn_noise(epsilon=8):
    case = small_case()
    return case.data, ProtectionVictims(epsilon=epsilon).protect(RANDOM, case)


def test_a_share_of_the_training_images_is_protected_and_a_larger_one_has_them_too():
    clean, changed = drawn_noise()
    train = clean.rows("train")
    before: set[int] = set()
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        rows = moved(clean, partly(clean, changed, share, SEED))
        assert len(rows) == round(share * len(train))
        assert before <= set(rows.tolist()) <= set(train.tolist())
        before = set(rows.tolist())
    assert (
        protected_rows(clean, 0.5, SEED).tolist() != protected_rows(clean, 0.5, SEED + 1).tolist()
    )


def test_images_that_are_mixed_with_none_or_all_are_those_of_other_experiments():
    """So that their trainings, which are kept under the images, are not made again."""
    clean, changed = drawn_noise()
    assert partly(clean, changed, 0.0, SEED).fingerprint == clean.fingerprint
    assert partly(clean, changed, 1.0, SEED).fingerprint == changed.fingerprint


def test_closeness_is_the_ratio_of_the_whole_range_to_the_mean_squared_change_in_decibels():
    clean, changed = drawn_noise(epsilon=16)
    rows = clean.rows("train")
    squared = np.square(changed.images[rows].astype(float) - clean.images[rows]).mean()
    assert closeness(clean, changed) == pytest.approx(20 * log10(255) - 10 * log10(squared))
    assert isnan(closeness(clean, clean))


def test_shuffled_noise_is_that_of_other_images_cut_to_what_a_byte_has_room_for():
    case, method = small_case(), ProtectionVictims(epsilon=12, rounds=1)
    result = method.protect(SHUFFLED, case)
    data, rows = case.data, case.data.rows("train")
    noise = ErrorMinimizing(epsilon=12, rounds=1, stop=0.0).noise(
        TrainCase(data, SURROGATE, SEED + SEED_GAP)
    )
    image = protected(data, noise).images[rows]
    order = np.random.default_rng([SEED, 41]).permutation(len(rows))
    expected = np.clip(data.images[rows].astype(int) + noise[order], 0, 255)
    assert (result.images[rows] == expected).all()
    assert (result.images[rows] != image).any()
    assert (np.sort(order) == np.arange(len(rows))).all()
