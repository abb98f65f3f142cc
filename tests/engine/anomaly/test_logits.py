"""Detectors that read logits: MSP, MaxLogit, Energy, GEN, ReAct and ODIN, written again."""

import math

import numpy as np
import pytest
import torch

from engine.anomaly import GEN, MSP, ODIN, Bank, DataCase, Energy, MaxLogit, OdinStep, ReAct
from engine.anomaly.detectors.react import cut_at
from engine.core.errors import BlindspotError
from engine.evaluation.detection.nudge import nudged
from tests import tiny
from tests.engine.anomaly import banks
from tests.engine.anomaly.banks import bank, random_bank

BANK, FEW = random_bank(), random_bank(12, seed=3)


def scores(detector, bank=BANK):
    return detector.fit(BANK).rule(bank).score


def moved(asked, by):
    return bank(asked.features, asked.head.weight, asked.head.bias + by, asked.labels)


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
    gap = [-max(row) for row in FEW.logits.tolist()] - banks.scores(Energy(), BANK, FEW)
    assert gap.min() > 0
    assert gap.max() <= math.log(3)


@pytest.mark.parametrize("heat", [0.5, 0.9, 1.04, 2.0])
@pytest.mark.parametrize("kind", [MSP, Energy])
def test_a_temperature_divides_the_logits_below_one_as_above(kind, heat):
    rows = [[logit / heat for logit in row] for row in BANK.logits.tolist()]
    sums = [sum(math.exp(logit) for logit in row) for row in rows]
    if kind is MSP:
        slow = [-math.exp(max(row)) / total for row, total in zip(rows, sums, strict=True)]
    else:
        slow = [-heat * math.log(total) for total in sums]
    judged = kind(temperature=heat).fit(BANK).rule(BANK)
    assert judged.score == pytest.approx(slow, rel=1e-9)
    assert sum(judged.parts.values()) == pytest.approx(slow)


def by_hand(row, gamma=0.1, top=100):
    """The formula for one row of logits, with the plainest Python."""
    raised = sorted((math.exp(logit) for logit in row), reverse=True)
    shares = [power / sum(raised) for power in raised]
    return sum(p**gamma * (1 - p) ** gamma for p in shares[:top])


def gen_scores(logits, **settings):
    logits = np.asarray(logits, np.float64)
    bank = Bank(np.zeros((len(logits), 0)), logits)
    return GEN(**settings).fit(bank).rule(bank).score


@pytest.mark.parametrize("settings", [{}, {"gamma": 0.5}, {"top": 1}, {"gamma": 1.0, "top": 2}])
def test_it_is_the_sum_written_out_by_hand(settings):
    expected = [by_hand(row, **settings) for row in FEW.logits.tolist()]
    assert gen_scores(FEW.logits, **settings) == pytest.approx(expected, rel=1e-12)
    assert banks.scores(GEN(**settings), BANK, FEW) == pytest.approx(expected, rel=1e-5)


def test_even_probabilities_score_highest_a_certain_one_zero_and_only_the_highest_count():
    even, unsure, certain = gen_scores([[0.0, 0.0, 0.0], [2.0, 1.0, 0.0], [2000.0, 0.0, 0.0]])
    assert even == pytest.approx(3 * (2 / 9) ** 0.1)
    assert even > unsure > certain == 0
    surer, sure = gen_scores([[60.0, 0.0, 0.0], [50.0, 0.0, 0.0]])
    rest = 2 * math.exp(-60.0)
    assert surer == pytest.approx(rest**0.1 + 2 * (rest / 2) ** 0.1)
    assert 0 < surer < sure
    many = np.r_[np.zeros(100), np.full(50, -3.0)][None]
    raised = np.exp(many[0])
    shares = raised[:100] / raised.sum()
    assert gen_scores(many)[0] == pytest.approx((shares**0.1 * (1 - shares) ** 0.1).sum())
    assert gen_scores(many, top=200)[0] > gen_scores(many)[0]


def test_without_a_cut_it_is_the_energy():
    assert cut_at(np.inf).rule(FEW).score == pytest.approx(Energy().fit(BANK).rule(FEW).score)
    test_bank = BANK.take(np.arange(12))  # nothing in them lies above all that was fitted to
    energy = -np.log(np.exp(test_bank.logits).sum(1))
    assert banks.scores(ReAct(percentile=100.0), BANK, test_bank) == pytest.approx(energy, rel=1e-5)


def test_react_is_written_again_and_negative_features_are_told():
    level = np.percentile(BANK.features, 80)
    head = BANK.head
    logits = [[np.minimum(z, level) @ w for w in head.weight] for z in FEW.features] + head.bias
    slow = [-np.log(sum(np.exp(logit) for logit in row)) for row in logits]
    result = ReAct(percentile=80.0).fit(BANK).rule(FEW)
    assert result.score == pytest.approx(slow)
    assert sum(result.parts.values()) == pytest.approx(slow)
    assert "negative" in ReAct().fit(bank(np.random.default_rng(0).normal(size=(9, 4)))).notes[0]
    assert not ReAct().fit(BANK).notes


def test_a_runaway_activation_no_longer_counts():
    weight = np.eye(3, 8)
    wild = BANK.features[:1].copy()
    wild[0, 0] = 500.0
    tame = np.minimum(wild, float(np.percentile(BANK.features, 90)))
    rule = ReAct().fit(bank(BANK.features, weight)).rule
    assert rule(bank(wild, weight)).score == pytest.approx(rule(bank(tame, weight)).score)


def test_the_step_on_a_linear_model_has_a_closed_form():
    # Class 1 scores s = Σ w x and class 0 scores 0: the step adds ε Σ|w| to s when class 1 is
    # seen and takes as much when class 0 is, whatever the temperature.
    case = tiny.linear_case()
    pixels = torch.rand(6, 3, 16, 16, generator=tiny.seeded(3))
    weight = case.model.network.weight
    before = (pixels * weight).sum((1, 2, 3)).detach().numpy()
    sign = np.where(before > 0, 1, -1)
    for heat in (1.0, 1000.0):
        after = nudged(case.model, pixels, heat, 0.01)
        reach = 0.01 * float(weight.abs().sum())
        assert after[:, 1] == pytest.approx(before + sign * reach, rel=1e-4, abs=1e-4)
        assert after[:, 0] == pytest.approx(0)
    data = tiny.data_set(("a", "b"), 16, 6)
    before = (data.pixels() * weight).sum((1, 2, 3)).detach().numpy()
    after = OdinStep(temperature=1.0, epsilon=0.01)(DataCase(case.model, data))["features"].logits
    assert after[:, 1] == pytest.approx(before + np.where(before > 0, 1, -1) * reach, rel=1e-4)
    assert after[:, 0] == pytest.approx(0)


def test_without_a_step_odin_is_msp_at_its_temperature():
    case = tiny.familiar_case(tiny.cnn())
    result = ODIN(temperature=50.0, epsilon=0.0)(case)
    plain = MSP(temperature=50.0)(case)
    for name in ("subject", "normal", "held", "unknown"):
        assert result[name].values == pytest.approx(plain[name].values, abs=1e-6)
        assert result[name].parts["the step"] == pytest.approx(0, abs=1e-6)


def test_the_step_makes_the_model_surer():
    result = ODIN(temperature=1.0, epsilon=0.002)(tiny.familiar_case(tiny.cnn()))
    assert (result["normal"].parts["the step"] < 0).mean() > 0.9


def test_images_are_asked_in_their_order():
    model = tiny.cnn()
    data = tiny.data_set(("a", "b"), model.side, 12)
    whole = OdinStep()(DataCase(model, data))["features"].logits
    some = OdinStep()(DataCase(model, data.take(np.array([7, 2]))))["features"].logits
    assert some == pytest.approx(whole[[7, 2]], abs=1e-5)


def test_features_alone_are_not_enough():
    with pytest.raises(BlindspotError, match="images themselves"):
        ODIN().fit(random_bank()).rule(random_bank())
