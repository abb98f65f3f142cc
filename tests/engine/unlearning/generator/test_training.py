"""A generator is trained by its plan, and kept as the moving average of its weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.errors import Cancelled
from engine.unlearning.generator.diffusion import NoiseSchedule
from engine.unlearning.generator.network import built
from engine.unlearning.generator.training import (
    GeneratorPlan,
    MovingAverage,
    noise_loss,
    train_generator,
)
from engine.unlearning.generator.weights import plans
from tests import tiny

PLAN = GeneratorPlan("tiny", "Tiny", "columns", "none", width=8, steps=60, batch=32, warm=5)
DATA = tiny.columns(8, ("a", "b", "c", "d"))


def test_the_average_is_that_of_the_formula():
    network = built(8, 2, 8, seed=0)
    average, slowly = MovingAverage(network, 0.6), float(network.leave.bias.detach())
    for step in range(1, 15):
        with torch.no_grad():
            network.leave.bias.fill_(float(step))
        average.add(network)
        decay = min(0.6, (step + 1) / (step + 10))
        slowly = decay * slowly + (1 - decay) * step
    assert float(average.network.leave.bias) == pytest.approx(slowly, rel=1e-5)


def test_the_plans_that_ship_average_by_the_rising_share_alone():
    """It reaches .995 at step 1790."""
    assert plans()
    for plan in plans().values():
        assert plan.average == 0.995
        assert (plan.steps + 1) / (plan.steps + 10) < plan.average
    assert 1790 / 1799 < 0.995 <= 1791 / 1800


def test_the_loss_is_the_mean_square_of_the_noise_that_is_missed():
    network, noise = built(8, 2, 8, seed=0), NoiseSchedule()
    clean, drawn = (torch.randn(3, 1, 8, 8, generator=tiny.seeded(seed)) for seed in (0, 1))
    times, classes = torch.tensor([0, 90, 199]), torch.tensor([0, 1, 2])
    alpha_bar = noise.kept[1:][times].view(3, 1, 1, 1)
    predicted = network(alpha_bar.sqrt() * clean + (1 - alpha_bar).sqrt() * drawn, times, classes)
    result = noise_loss(network, noise, clean, classes, times, drawn)
    assert float(result) == pytest.approx(float(F.mse_loss(predicted, drawn)), rel=1e-5)


def test_training_learns_the_same_each_time_and_draws_from_no_shared_source():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    reports: list[float] = []
    generator = train_generator(
        PLAN, DATA, lambda done, _words="", _partial=None: reports.append(done)
    )
    assert torch.equal(before, torch.get_rng_state())
    few, other = replace(PLAN, steps=8), tiny.data_set(DATA.classes, 8)
    again, twice, others = (train_generator(few, data) for data in (DATA, DATA, other))
    assert again.fingerprint == twice.fingerprint != others.fingerprint
    assert reports[-1] == 1.0
    assert len(reports) == PLAN.steps
    images, labels = generator.images(DATA, DATA.rows("train")), DATA.targets(DATA.rows("train"))
    drawn = torch.from_numpy(np.random.default_rng(9).standard_normal(images.shape, np.float32))
    times = torch.full((len(images),), 60)
    fresh = built(8, 4, 8, seed=0)
    with torch.no_grad():
        losses = [
            float(noise_loss(network, generator.noise, images, labels, times, drawn))
            for network in (fresh, generator.network)
        ]
    assert losses[1] < 0.8 * losses[0]


def test_a_training_can_be_stopped():
    def stop(done, _words="", _partial=None):
        if done > 0.1:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        train_generator(PLAN, DATA, stop)


def test_the_rate_rises_falls_and_never_is_nothing():
    rates = [PLAN.rate_at(step) for step in range(PLAN.steps)]
    assert rates[0] < rates[3] < rates[5]
    assert rates[5] > rates[30] > rates[59] > 0
    assert max(rates) < 1.02 * PLAN.rate
