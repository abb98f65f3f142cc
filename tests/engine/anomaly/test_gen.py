"""GEN: the sum written out by hand, and what its two settings do."""

import math

import numpy as np
import pytest

from engine.anomaly import GEN, Bank
from tests.engine.anomaly import banks
from tests.engine.anomaly.banks import random_bank

BANK, FEW = random_bank(), random_bank(12, seed=3)


def by_hand(row, gamma=0.1, top=100):
    """The formula for one row of logits, with the plainest Python."""
    raised = sorted((math.exp(logit) for logit in row), reverse=True)
    shares = [power / sum(raised) for power in raised]
    return sum(p**gamma * (1 - p) ** gamma for p in shares[:top])


def scores(logits, **settings):
    logits = np.asarray(logits, np.float64)
    bank = Bank(np.zeros((len(logits), 0)), logits)
    return GEN(**settings).fit(bank).rule(bank).score


@pytest.mark.parametrize("settings", [{}, {"gamma": 0.5}, {"top": 1}, {"gamma": 1.0, "top": 2}])
def test_it_is_the_sum_written_out_by_hand(settings):
    expected = [by_hand(row, **settings) for row in FEW.logits.tolist()]
    assert scores(FEW.logits, **settings) == pytest.approx(expected, rel=1e-12)
    assert banks.scores(GEN(**settings), BANK, FEW) == pytest.approx(expected, rel=1e-5)


def test_even_probabilities_score_highest_and_a_certain_one_zero():
    even, unsure, certain = scores([[0.0, 0.0, 0.0], [2.0, 1.0, 0.0], [2000.0, 0.0, 0.0]])
    assert even == pytest.approx(3 * (2 / 9) ** 0.1)
    assert even > unsure > certain == 0


def test_very_sure_images_are_still_told_apart():
    surer, sure = scores([[60.0, 0.0, 0.0], [50.0, 0.0, 0.0]])
    rest = 2 * math.exp(-60.0)
    assert surer == pytest.approx(rest**0.1 + 2 * (rest / 2) ** 0.1)
    assert 0 < surer < sure


def test_only_the_highest_probabilities_count():
    many = np.r_[np.zeros(100), np.full(50, -3.0)][None]
    raised = np.exp(many[0])
    shares = raised[:100] / raised.sum()
    assert scores(many)[0] == pytest.approx((shares**0.1 * (1 - shares) ** 0.1).sum())
    assert scores(many, top=200)[0] > scores(many)[0]
