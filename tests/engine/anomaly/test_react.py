"""ReAct: without a cut, at a cut, and for features it is not made for."""

import numpy as np
import pytest

from engine.anomaly import Energy, ReAct
from engine.anomaly.detectors.react import cut_at
from tests.engine.anomaly.banks import bank, random_bank, scores

TRAIN, QUERIES = random_bank(), random_bank(12, seed=3)


def test_without_a_cut_it_is_the_energy():
    assert cut_at(np.inf).rule(QUERIES).score == pytest.approx(
        Energy().fit(TRAIN).rule(QUERIES).score
    )
    test_bank = TRAIN.take(np.arange(12))  # nothing in them lies above all that was fitted to
    energy = -np.log(np.exp(test_bank.logits).sum(1))
    assert scores(ReAct(percentile=100.0), TRAIN, test_bank) == pytest.approx(energy, rel=1e-5)


def test_it_is_written_again():
    level = np.percentile(TRAIN.features, 80)
    head = TRAIN.head
    slow = [
        -np.log(
            sum(
                np.exp(np.minimum(z, level) @ w + b)
                for w, b in zip(head.weight, head.bias, strict=True)
            )
        )
        for z in QUERIES.features
    ]
    result = ReAct(percentile=80.0).fit(TRAIN).rule(QUERIES)
    assert result.score == pytest.approx(slow)
    assert sum(result.parts.values()) == pytest.approx(slow)


def test_a_runaway_activation_no_longer_counts():
    weight = np.eye(3, 8)
    wild = TRAIN.features[:1].copy()
    wild[0, 0] = 500.0
    level = float(np.percentile(TRAIN.features, 90))
    tame = np.minimum(wild, level)
    rule = ReAct().fit(bank(TRAIN.features, weight)).rule
    assert rule(bank(wild, weight)).score == pytest.approx(rule(bank(tame, weight)).score)


def test_negative_features_are_told():
    assert "negative" in ReAct().fit(bank(np.random.default_rng(0).normal(size=(9, 4)))).notes[0]
    assert not ReAct().fit(TRAIN).notes
