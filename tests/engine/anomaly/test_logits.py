"""Scores that read the logits alone: written again, and at their limits."""

import math

import numpy as np
import pytest

from engine.anomaly import MSP, Energy, MaxLogit
from tests.engine.anomaly import banks
from tests.engine.anomaly.banks import random_bank

BANK, FEW = random_bank(), random_bank(12, seed=3)


def scores(detector, bank=BANK):
    return detector.fit(BANK).rule(bank).score


def moved(bank, by):
    return banks.bank(bank.features, bank.head.weight, bank.head.bias + by, bank.labels)


def test_msp_is_written_again_and_does_not_move_with_the_logits_zero():
    slow = [
        -max(math.exp(logit) for logit in row) / sum(math.exp(logit) for logit in row)
        for row in FEW.logits.tolist()
    ]
    assert scores(MSP(), FEW) == pytest.approx(slow, rel=1e-12)
    assert scores(MSP(), moved(FEW, 7.0)) == pytest.approx(slow, rel=1e-12)
    assert scores(MSP(), moved(FEW, 900.0)) == pytest.approx(slow, rel=1e-9)
    assert banks.scores(MSP(), BANK, FEW) == pytest.approx(slow, rel=1e-5)
    assert banks.scores(MSP(), moved(BANK, 7.0), moved(FEW, 7.0)) == pytest.approx(slow, rel=1e-5)


def test_energy_becomes_the_highest_logit_as_the_temperature_falls():
    highest = scores(MaxLogit())
    far = [np.abs(scores(Energy(temperature=heat)) - highest).max() for heat in (1.0, 0.5, 0.1)]
    assert far[0] > far[1] > far[2]
    assert far[2] <= 0.1 * math.log(3)
    assert highest == pytest.approx([-max(row) for row in BANK.logits.tolist()])
    result = banks.scores(MaxLogit(), BANK, FEW)
    assert result == pytest.approx([-max(row) for row in FEW.logits.tolist()], rel=1e-5)


def test_energy_lies_below_the_highest_logit_by_at_most_the_log_of_the_classes():
    gap = scores(MaxLogit()) - scores(Energy())
    assert gap.min() > 0
    assert gap.max() <= math.log(3)
    highest = [-max(row) for row in FEW.logits.tolist()]
    gap = highest - banks.scores(Energy(), BANK, FEW)
    assert gap.min() > 0
    assert gap.max() <= math.log(3)


@pytest.mark.parametrize("heat", [0.5, 0.9, 1.04, 2.0])
@pytest.mark.parametrize("kind", [MSP, Energy])
def test_a_temperature_divides_the_logits_below_one_as_above(kind, heat):
    rows = [[logit / heat for logit in row] for row in BANK.logits.tolist()]
    sums = [sum(math.exp(logit) for logit in row) for row in rows]
    slow = {
        MSP: [-math.exp(max(row)) / total for row, total in zip(rows, sums, strict=True)],
        Energy: [-heat * math.log(total) for total in sums],
    }[kind]
    judged = kind(temperature=heat).fit(BANK).rule(BANK)
    assert judged.score == pytest.approx(slow, rel=1e-9)
    assert sum(judged.parts.values()) == pytest.approx(slow)
