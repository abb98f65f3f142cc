"""Trials of repeating and nudging: maps of chance and maps that jump are caught."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.attribution.heatmaps.gradient import Gradient
from engine.attribution.trust import MaxSensitivity, Repeats, TrustCase
from tests.engine.attribution.toys import toy
from tests.engine.attribution.trust.asking import check_of, verdict


def test_a_map_of_chance_is_not_repeatable(linear):
    chance = toy(lambda case: np.random.default_rng(case.seed).random((12, 12)))
    assert verdict(check_of(Repeats(), linear, chance)) == -1
    check = check_of(Repeats(), linear, Gradient())
    assert verdict(check) == 1
    assert "no random numbers" in check.notes[0]


def test_a_map_that_jumps_is_caught(linear):
    def jumping(case):
        seed = int(case.image.double().sum().item() * 1e9) % 2**32
        return np.random.default_rng(seed).standard_normal((12, 12))

    assert verdict(check_of(MaxSensitivity(draws=3), linear, toy(jumping))) == -1
    assert verdict(check_of(MaxSensitivity(draws=3), linear, Gradient())) == 1  # of a linear model


def test_a_map_that_is_lost_when_nudged_is_not_said_to_hold_still(linear):
    def breaking(case):
        whole = torch.equal(case.image, linear.image)
        return np.where(np.eye(12) > 0, 1.0 if whole else np.nan, case.image[0].numpy())

    check = check_of(MaxSensitivity(draws=3), linear, toy(breaking))
    assert np.isnan(verdict(check))
    assert "Not available: after a change" in check.notes[0]


def test_the_repeats_have_the_next_seeds_and_are_counted_though_a_map_is_silent(linear):
    seeds, shares = [], []

    def seen(case):
        seeds.append(case.seed)
        return np.random.default_rng(case.seed).random((12, 12))

    case = TrustCase(replace(linear, seed=7), toy(seen))
    Repeats(repeats=3)(case, lambda done, words="", partial=None: shares.append(done))
    assert seeds == [7, 8, 9, 10]
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])
