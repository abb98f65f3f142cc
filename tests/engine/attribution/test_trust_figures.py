"""The figures of the trials, each written out by hand."""

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from engine.attribution.trust.cheap import COPIES, Place
from engine.attribution.trust.infidelity import Infidelity
from engine.attribution.trust.random_weights import layers, randomized, similarity
from engine.attribution.trust.verdict import BAD, GOOD, UNCLEAR, graded_verdict
from engine.measures.localization import Located
from engine.models import embedded


def test_similarity_compares_shapes_and_not_sizes():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 16, 16)).astype(np.float32)
    scaled = [np.abs(values) / np.abs(values).max() for values in (first, second)]
    by_hand = structural_similarity(*scaled, data_range=1.0)
    assert similarity(first, second) == pytest.approx(by_hand, abs=1e-6)
    assert similarity(50 * first, second / 50) == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("stages", [1, 2, 3, 99])
def test_layers_are_shuffled_in_as_many_stages_as_asked_for(stages):
    model = embedded.load("digits-cnn")
    count = len(layers(model))
    shares = [share for share, _ in randomized(model, stages, 0)]
    assert len(shares) == min(stages, count)
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize(
    ("value", "low_is_good", "high_is_good"),
    [(0.3, GOOD, BAD), (0.5, BAD, GOOD), (0.4, UNCLEAR, UNCLEAR), (0.0, GOOD, BAD)],
)
def test_a_verdict_counts_its_limits_in(value, low_is_good, high_is_good):
    assert graded_verdict(value, good=0.3, bad=0.5) == low_is_good
    assert graded_verdict(value, good=0.5, bad=0.3) == high_is_good


@pytest.mark.parametrize("as_good", [0, 1, COPIES])
def test_the_share_of_copies_that_do_as_well_is_kept(as_good):
    check = Place().judged(Located(1.0, 0.5, 0.7, 0.2), as_good)
    assert check.cell(check.rows[0], "copies_as_good") == pytest.approx(as_good / COPIES)


def test_the_sentence_says_how_much_of_the_falls_a_map_knows():
    rng = np.random.default_rng(0)
    fell = rng.normal(size=40)
    moved = rng.normal(size=(20, 40))
    assert words(fell, moved, fell).startswith("It predicts 100 % of what")
    half = fell + fell.std() * rng.normal(size=40)
    assert not words(half, moved, fell).startswith("It predicts nothing")
    assert words(-fell, moved, fell).startswith("It predicts nothing of what")


def words(own, moved, fell):
    return Infidelity().as_columns(own, moved, fell).notes[0]
