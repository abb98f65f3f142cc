"""Protections and relabelings: which images move how far, victims trained by hand, the claims."""

from dataclasses import replace
from math import isnan, log10

import numpy as np
import pytest

from engine.unlearning import ProtectionVictims, RelabeledVictims
from engine.unlearning.protection import victims
from engine.unlearning.protection.error_minimizing import ErrorMinimizing
from engine.unlearning.protection.protection import protected
from engine.unlearning.protection.protections import CLOSE
from engine.unlearning.protection.random_noise import RandomNoise
from engine.unlearning.protection.victims import RIGHT
from engine.unlearning.salm.noise import Salm
from engine.unlearning.uc.relabelings import (
    BY_CHANCE,
    CLEAN,
    CLUSTERS,
    LABELS,
    UNIVERSAL,
    WAYS,
    one_for_all,
    under,
)
from engine.unlearning.uc.unlearnable_clusters import UnlearnableClusters
from engine.vision.data.relabel import COARSE, ORIGINAL, RANDOM, RELABELINGS, relabeled
from engine.vision.lab import TrainCase
from tests.engine.unlearning.protection import by_hand
from tests.outcomes import margins_of, measured

SMALL = ProtectionVictims(**by_hand.QUICK, epsilon=24, kappa=0.5)


def test_every_figure_is_that_of_networks_trained_on_images_protected_by_hand():
    case = by_hand.small_case()
    data, result = case.data, SMALL(case)["table"]
    order = np.random.default_rng([by_hand.SEED, 41]).permutation(len(data.rows("train")))
    local = Salm(epsilon=24, kappa=0.5, rounds=1, stop=0.0)
    minimizing = ErrorMinimizing(epsilon=24, rounds=1, stop=0.0)
    sets = {
        victims.CLEAN: data,
        victims.CUDA: by_hand.filtered(data, "train", lambda label: label),
        victims.MINIMIZING: by_hand.noisy(data, minimizing),
        victims.LOCAL: by_hand.noisy(data, local),
        victims.ANYWHERE: by_hand.noisy(data, replace(local, mask="random")),
        victims.SHUFFLED: by_hand.noisy(data, minimizing, order),
        victims.RANDOM: by_hand.noisy(data, RandomNoise(epsilon=24)),
        victims.OF_CLASS: by_hand.noisy(data, RandomNoise(epsilon=24, per="class")),
    }
    assert result.rows == tuple(sets)
    for row, learned in sets.items():
        assert by_hand.shares(result, row) == pytest.approx(by_hand.right(learned, data))
    assert len({result.cell(row, CLOSE) for row in sets if row != victims.CLEAN}) == len(sets) - 1
    assert np.isnan(result.cell(victims.CLEAN, CLOSE))


def test_claims_on_figures_made_by_hand():
    table = {
        victims.CLEAN: {victims.RIGHT: 0.95},
        victims.MINIMIZING: {victims.RIGHT: 0.25, victims.LEARNED: 1.0, CLOSE: 30.0},
        victims.LOCAL: {victims.RIGHT: 0.35, victims.LEARNED: 0.97, CLOSE: 40.0},
        victims.ANYWHERE: {victims.RIGHT: 0.65},
        victims.RANDOM: {victims.RIGHT: 0.93},
        victims.SHUFFLED: {victims.RIGHT: 0.85},
    }
    expected = pytest.approx([0.4, 0.3, 0.2, 0.9, 0.02, 0.03, -0.05])
    assert margins_of(SMALL.claims, table) == expected


def test_the_picture_has_clean_images_and_what_is_made_without_a_network():
    case = by_hand.small_case()
    picture = SMALL.picture(case)
    images = picture.images.astype(int).swapaxes(0, 1)  # by column
    ways = (victims.CUDA, victims.RANDOM, victims.OF_CLASS)
    assert picture.columns == ("clean", *(column for way in ways for column in (way, "change × 3")))
    assert (images[0] == case.data.images[case.data.some("train", 3)].transpose(0, 2, 3, 1)).all()
    for way, after, change in zip(ways, images[1::2], images[2::2], strict=True):
        assert (change == np.clip(128 + 3 * (after - images[0]), 0, 255)).all()
        assert (after != images[0]).any()
        assert way == victims.CUDA or np.abs(after - images[0]).max() <= 24


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_what_each_protection_leaves_to_learn_is_measured_with_three_seeds(measure):
    method = ProtectionVictims()
    table = measured(measure, method, f"protections, {method.data[0]}, {method.victim}")["table"]
    assert table.cell(victims.CLEAN, victims.RIGHT) > 0.9
    assert table.cell(victims.MINIMIZING, victims.LEARNED) > 0.9
    assert table.cell(victims.MINIMIZING, victims.RIGHT) < table.cell(victims.RANDOM, victims.RIGHT)
    assert table.cell(victims.LOCAL, CLOSE) > table.cell(victims.MINIMIZING, CLOSE)


def moved(data, other):
    return np.flatnonzero((data.images != other.images).any((1, 2, 3)))


def drawn_noise(epsilon=8):
    case = by_hand.small_case()
    return case.data, ProtectionVictims(epsilon=epsilon).protect(victims.RANDOM, case)


def test_a_share_of_the_training_images_is_protected_a_larger_one_has_them_too_and_none_or_all():
    clean, changed = drawn_noise()
    train = clean.rows("train")
    before: set[int] = set()
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        rows = moved(clean, victims.partly(clean, changed, share, by_hand.SEED))
        assert len(rows) == round(share * len(train))
        assert before <= set(rows.tolist()) <= set(train.tolist())
        before = set(rows.tolist())
    rows = victims.protected_rows(clean, 0.5, by_hand.SEED)
    assert (rows != victims.protected_rows(clean, 0.5, by_hand.SEED + 1)).any()
    assert victims.partly(clean, changed, 0.0, by_hand.SEED).fingerprint == clean.fingerprint
    assert victims.partly(clean, changed, 1.0, by_hand.SEED).fingerprint == changed.fingerprint


def test_closeness_is_the_ratio_of_the_whole_range_to_the_mean_squared_change_in_decibels():
    clean, changed = drawn_noise(epsilon=16)
    rows = clean.rows("train")
    squared = np.square(changed.images[rows].astype(float) - clean.images[rows]).mean()
    assert victims.closeness(clean, changed) == pytest.approx(20 * log10(255) - 10 * log10(squared))
    assert isnan(victims.closeness(clean, clean))


def test_shuffled_noise_is_that_of_other_images_cut_to_what_a_byte_has_room_for():
    case, method = by_hand.small_case(), ProtectionVictims(epsilon=12, rounds=1)
    data, rows = case.data, case.data.rows("train")
    shuffled = method.protect(victims.SHUFFLED, case).images[rows]
    training = TrainCase(data, victims.SURROGATE, by_hand.SEED + victims.SEED_GAP)
    noise = ErrorMinimizing(epsilon=12, rounds=1, stop=0.0).noise(training)
    order = np.random.default_rng([by_hand.SEED, 41]).permutation(len(rows))
    expected = np.clip(data.images[rows].astype(int) + noise[order], 0, 255)
    assert (shuffled == expected).all()
    assert (shuffled != protected(data, noise).images[rows]).any()


RELABELED = RelabeledVictims(**by_hand.QUICK, epsilon=24, clusters=3)


def test_every_figure_is_that_of_networks_trained_under_each_labeling_by_hand():
    case = by_hand.small_case()
    data, result = case.data, RELABELED(case)["table"]
    rows = data.rows("train")
    same = np.random.default_rng([by_hand.SEED, 47]).integers(0, 2, (1, *data.images.shape[1:]))
    random = {row: np.clip(data.images[row] + 24.0 * (2 * same[0] - 1), 0, 255) for row in rows}
    sets = {
        CLEAN: data,
        CLUSTERS: by_hand.noisy(data, UnlearnableClusters(epsilon=24, clusters=3)),
        BY_CHANCE: by_hand.noisy(data, UnlearnableClusters(epsilon=24, clusters=3, form="chance")),
        LABELS: by_hand.noisy(
            relabeled(data, COARSE, by_hand.SEED),
            ErrorMinimizing(epsilon=24, per="class", rounds=1, stop=0.0),
        ),
        UNIVERSAL: by_hand.with_images(data, random),
    }
    for labels in RELABELINGS:
        clean = relabeled(data, labels, by_hand.SEED)
        for way, protected_set in sets.items():
            expected = by_hand.right(replace(clean, images=protected_set.images), clean)
            assert by_hand.shares(result, under(labels, way)) == pytest.approx(expected)
    assert len(result) == len(RELABELINGS) * len(WAYS)


def test_one_noise_for_all_is_the_same_wherever_images_have_room():
    case = by_hand.small_case()
    images = case.data.images[case.data.rows("train")].astype(int)
    noise = one_for_all(case, 20)
    room = (images >= 20) & (images <= 235)
    some = room.sum(0) > 1
    high, low = np.where(room, noise, -99).max(0), np.where(room, noise, 99).min(0)
    assert some.any()
    assert (high[some] == low[some]).all()
    assert set(high[some]) == {-20, 20}
    assert ((images + noise >= 0) & (images + noise <= 255)).all()


def test_claims_on_relabelings_made_by_hand():
    table = {}
    for labels, figures in {
        ORIGINAL: (0.9, 0.5, 0.8, 0.85, 0.9),
        COARSE: (0.95, 0.6, 0.65, 0.4, 0.94),
        RANDOM: (0.9, 0.7, 0.85, 0.7, 0.8),
    }.items():
        table |= {under(labels, way): figure for way, figure in zip(WAYS, figures, strict=True)}
    margins = [claim.margin(lambda row, _: table[row]) for claim in RELABELED.claims]
    assert margins == pytest.approx([-0.05, -0.05, 0.3, -0.1, -0.05])
    table = {under(labels, way): 0.9 for labels in RELABELINGS for way in WAYS}
    assert RELABELED.claims[3].margin(lambda row, _: table[row]) == pytest.approx(-0.25)


def test_the_picture_of_relabelings_has_the_three_labels_of_each_image():
    case = by_hand.small_case()
    picture = RELABELED.picture(case)
    assert np.abs(picture.images[1].astype(int) - picture.images[0]).max() == 24
    rows = case.data.some("train", 8, by_hand.SEED)
    for row, caption in zip(rows, picture.captions, strict=False):
        labels = [relabeled(case.data, relabeling, by_hand.SEED) for relabeling in RELABELINGS]
        assert caption == " / ".join(label.classes[label.labels[row]] for label in labels)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_what_survives_other_labels_is_measured_with_three_seeds(measure):
    method = RelabeledVictims()
    table = measured(measure, method, f"other labels, {method.data[0]}, {method.victim}")["table"]
    assert table.cell(under(COARSE, CLEAN), RIGHT) > 0.9
    assert table.cell(under(COARSE, LABELS), RIGHT) < table.cell(under(COARSE, UNIVERSAL), RIGHT)
