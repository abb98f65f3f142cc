"""NNGuide: a bank of one, a plain re-derivation, and what it does with fewer images."""

from dataclasses import replace

import numpy as np
import pytest

from engine.anomaly import NNGuide
from tests.engine.anomaly.banks import random_bank, scores

TRAIN, QUERIES = random_bank(), random_bank(12, seed=3)


def cosine(first, other):
    return first @ other / np.linalg.norm(first) / np.linalg.norm(other)


def test_with_a_bank_of_one_it_is_two_energies_and_a_cosine():
    single = TRAIN.take(np.array([0]))
    energies = np.log(np.exp(QUERIES.logits).sum(1)), np.log(np.exp(single.logits).sum(1))
    slow = [
        -energy * energies[1][0] * cosine(z, single.features[0])
        for energy, z in zip(energies[0], QUERIES.features, strict=True)
    ]
    assert NNGuide(k=1).fit(single).rule(QUERIES).score == pytest.approx(slow)
    assert scores(NNGuide(k=1), single, QUERIES) == pytest.approx(slow, rel=1e-5)


def test_the_guide_is_the_mean_of_the_k_most_alike():
    energy = np.log(np.exp(TRAIN.logits).sum(1))
    z = QUERIES.features[0]
    likeness = sorted(
        (e * cosine(z, feature) for e, feature in zip(energy, TRAIN.features, strict=True)),
        reverse=True,
    )
    parts = NNGuide(k=4).fit(TRAIN).rule(QUERIES).parts
    assert parts["guidance"][0] == pytest.approx(np.mean(likeness[:4]))


def test_a_share_of_the_bank_is_always_the_same_one():
    some = NNGuide(share=0.2).fit(TRAIN).rule(QUERIES).score
    assert np.array_equal(some, NNGuide(share=0.2).fit(TRAIN).rule(QUERIES).score)
    assert not np.allclose(some, NNGuide().fit(TRAIN).rule(QUERIES).score)


def test_a_bank_smaller_than_k_is_told():
    fitted = NNGuide(k=10).fit(random_bank(2))
    assert "2 images" in fitted.notes[0]
    assert np.isfinite(fitted.rule(QUERIES).score).all()


def test_energies_below_zero_which_turn_the_likeness_around_are_told():
    assert not NNGuide().fit(TRAIN).notes
    low = replace(TRAIN, logits=TRAIN.logits - 100)
    notes = NNGuide().fit(low).notes
    assert f"{len(TRAIN)} of {len(TRAIN)} normal images" in notes[0]
    # what the note is about: of one image twice, the less energy the more familiar
    twice = QUERIES.take(np.array([0, 0]))
    twice = replace(twice, logits=twice.logits - [[100], [200]])
    sure, unsure = NNGuide().fit(low).rule(twice).score
    assert twice.energy[0] > twice.energy[1]
    assert sure > unsure
