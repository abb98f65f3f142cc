"""Protections as an experiment: victims trained by hand, and the claims at the papers' scale."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, log10

import numpy as np
import pytest

from engine import data as data_sets
from engine.data.protect import convolved, draw_filters, legacy
from engine.experiment import ExperimentCase
from engine.lab import TrainCase
from engine.run import answer
from engine.unlearning import ProtectionVictims
from engine.unlearning.experiments.protections import CLOSE
from engine.unlearning.experiments.victims import (
    ANYWHERE,
    CLEAN,
    CUDA,
    LEARNED,
    LOCAL,
    MINIMIZING,
    OF_CLASS,
    RANDOM,
    RIGHT,
    SEED_GAP,
    SHUFFLED,
    SURROGATE,
    closeness,
    partly,
    protected_rows,
)
from engine.unlearning.protection import ErrorMinimizing, RandomNoise, Salm, protected
from tests.engine.unlearning.experiments.by_hand import (
    QUICK,
    SEED,
    noisy,
    right,
    small_case,
    with_images,
)
from tests.outcomes import keep

SMALL = ProtectionVictims(**QUICK, epsilon=24, kappa=0.5)


def filtered(data):
    """CUDA's filters, one image after the other."""
    kernels = draw_filters(legacy(SEED), 3, 0.3, 3)
    return with_images(
        data,
        {
            row: convolved(data.images[row][None], kernels[data.labels[row]])[0]
            for row in data.rows("train")
        },
    )


def test_every_figure_is_that_of_networks_trained_on_images_protected_by_hand():
    case = small_case()
    data, result = case.data, SMALL(case)["table"]
    order = np.random.default_rng([SEED, 41]).permutation(len(data.rows("train")))
    local = Salm(epsilon=24, kappa=0.5, rounds=1, stop=0.0)
    sets = {
        CLEAN: data,
        CUDA: filtered(data),
        MINIMIZING: noisy(data, ErrorMinimizing(epsilon=24, rounds=1, stop=0.0)),
        LOCAL: noisy(data, local),
        ANYWHERE: noisy(data, replace(local, mask="random")),
        SHUFFLED: noisy(data, ErrorMinimizing(epsilon=24, rounds=1, stop=0.0), order),
        RANDOM: noisy(data, RandomNoise(epsilon=24)),
        OF_CLASS: noisy(data, RandomNoise(epsilon=24, per="class")),
    }
    assert result.rows == tuple(sets)
    for row, learned in sets.items():
        expected = right(learned, data)
        assert [result.cell(row, name) for name in (RIGHT, LEARNED)] == pytest.approx(expected)
    assert len({result.cell(row, CLOSE) for row in sets if row != CLEAN}) == len(sets) - 1
    assert np.isnan(result.cell(CLEAN, CLOSE))


def test_claims_on_figures_made_by_hand():
    table = {
        CLEAN: {RIGHT: 0.95},
        MINIMIZING: {RIGHT: 0.25, LEARNED: 1.0, CLOSE: 30.0},
        LOCAL: {RIGHT: 0.35, LEARNED: 0.97, CLOSE: 40.0},
        ANYWHERE: {RIGHT: 0.65},
        RANDOM: {RIGHT: 0.93},
        SHUFFLED: {RIGHT: 0.85},
    }
    margins = [claim.margin(lambda row, name: table[row][name]) for claim in SMALL.claims]
    assert margins == pytest.approx([0.4, 0.3, 0.2, 0.9, 0.02, 0.03, -0.05])


def test_the_picture_has_clean_images_and_what_is_made_without_a_network():
    case = small_case()
    picture = SMALL.picture(case)
    images = picture.images.astype(int).swapaxes(0, 1)  # by column
    ways = (CUDA, RANDOM, OF_CLASS)
    assert picture.columns == ("clean", *(column for way in ways for column in (way, "change × 3")))
    assert (images[0] == case.data.images[case.data.some("train", 3)].transpose(0, 2, 3, 1)).all()
    for way, after, change in zip(ways, images[1::2], images[2::2], strict=True):
        assert (change == np.clip(128 + 3 * (after - images[0]), 0, 255)).all()
        assert (after != images[0]).any()
        assert way == CUDA or np.abs(after - images[0]).max() <= 24


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_what_each_protection_leaves_to_learn_is_measured_with_three_seeds(measure):
    method = ProtectionVictims()
    for name in (method.data[0],):
        result = answer(method, ExperimentCase(data_sets.load(name)))
        keep(measure, method, result, f"protections, {name}, {method.victim}")
        table = result["table"]
        assert table.cell(CLEAN, RIGHT) > 0.9
        assert table.cell(MINIMIZING, LEARNED) > 0.9
        assert table.cell(MINIMIZING, RIGHT) < table.cell(RANDOM, RIGHT)
        assert table.cell(LOCAL, CLOSE) > table.cell(MINIMIZING, CLOSE)


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
