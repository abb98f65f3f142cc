"""ODIN: the step on a linear model, and what is left without it."""

import numpy as np
import pytest
import torch

from engine.anomaly import MSP, ODIN, DataCase, OdinStep
from engine.anomaly.detectors.nudge import nudged
from engine.errors import BlindspotError
from tests import tiny
from tests.engine.anomaly.banks import random_bank


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
