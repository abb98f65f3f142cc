"""A regime: masks and rules for weights, as part of what a training is."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from engine.core.errors import BlindspotError
from engine.core.run import answer, digest
from engine.vision.lab import Train, TrainCase, TrainSeeds
from engine.vision.models.bits import unpacked_bits
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import Recorder, Regime, Scheduled, fresh, train
from tests.engine.vision.training.test_loop import RECIPE, same, trained


@dataclass(frozen=True)
class RandomMask(Regime):
    """The first layer is masked at random, by the seed."""

    density: float = 0.5

    def masks(self, model, data, seed):
        weight = model.network.fc1.weight
        drawn = torch.rand(weight.shape, generator=torch.Generator().manual_seed(seed))
        return {"fc1.weight": drawn < self.density}


class Fading(Scheduled):
    """Negative weights fade to 0 until `over`."""

    def __init__(self, over):
        super().__init__()
        self.over, self.times, self.share = over, [], 1.0

    def at(self, done):
        self.times.append(done)
        self.share = max(0.0, 1 - done / self.over)

    def forward(self, weight):
        return torch.where(weight > 0, weight, self.share * weight)


@dataclass(frozen=True)
class Fade(Regime):
    over: float = 0.75

    def parametrizations(self, model):
        return {"fc1.weight": Fading(self.over)}


def test_its_masks_are_those_of_a_training_with_masks(data):
    masks = RandomMask().masks(fresh(data, RECIPE, 3), data, 3)
    by_hand, _ = trained(data, seed=3, masks=masks)
    result, _ = trained(data, seed=3, regime=RandomMask())
    assert same(result, by_hand)
    assert result.masks.keys() == {"fc1.weight"}
    assert not same(result, trained(data, seed=3)[0])


def test_the_time_is_told_before_each_step_and_at_the_end(data, monkeypatch):
    fading = Fading(0.75)
    monkeypatch.setattr(Fade, "parametrizations", lambda *_: {"fc1.weight": fading})
    recorder = Recorder(snapshots=(0, 12))
    model, _ = trained(data, regime=Fade(), recorder=recorder)
    steps = 3 * 4
    assert np.allclose(np.unique(fading.times), np.arange(steps + 1) / steps)
    assert fading.times == sorted(fading.times)
    weight = model.network.fc1.weight
    assert weight.min() == 0
    assert torch.equal(recorder.weights[12]["fc1.weight"], weight)
    assert recorder.weights[0]["fc1.weight"].min() < 0
    assert type(model.network.fc1) is torch.nn.Linear


def test_zeros_that_it_leaves_are_masks_of_the_model(data):
    model, _ = trained(data, regime=Fade())
    weight = model.network.fc1.weight
    masks = unpacked_bits(model.masks, {"fc1.weight": tuple(weight.shape)})
    assert np.array_equal(masks["fc1.weight"], (weight != 0).numpy())
    whole, _ = trained(data, regime=Fade(over=1e9))
    assert not whole.masks


def test_one_that_changes_nothing_changes_no_bit(data):
    assert same(trained(data)[0], trained(data, regime=Regime())[0])


@pytest.mark.parametrize("regime", [Fade(), RandomMask()])
def test_an_interrupted_training_goes_on_to_the_same_bits(data, tmp_path, interrupted, regime):
    whole, log = trained(data, regime=regime)
    for halt in (0.29, 1 / 3 - 1e-9, 0.99):
        keep = tmp_path / f"{halt}.safetensors"
        interrupted(trained, data, regime=regime, keep=keep, beyond=halt)
        model, again = trained(data, regime=regime, keep=keep)
        assert same(model, whole)
        assert np.array_equal(again.validation_loss, log.validation_loss)


def test_another_regime_is_another_question(data, tmp_path, interrupted, own_store):
    regimes = (None, Fade(), Fade(0.5), RandomMask())
    cases = [TrainCase(data, RECIPE, regime=regime) for regime in regimes]
    assert len({digest(Train(), case) for case in cases}) == len(cases)
    assert TrainCase(data, RECIPE).fingerprint == cases[0].fingerprint
    assert cases[1].fingerprint == TrainCase(data, RECIPE, regime=Fade()).fingerprint
    plain, faded = cases[0].facts(), cases[1].facts()
    words = "Fade(over=0.75)"
    assert faded == plain | {"regime": words, "alike": plain["alike"] + words}
    keep = tmp_path / "kept.safetensors"
    interrupted(trained, data, regime=Fade(), keep=keep, beyond=0.5)
    assert same(trained(data, regime=Fade(0.5), keep=keep)[0], trained(data, regime=Fade(0.5))[0])


def test_the_answer_of_a_training_has_the_regime_s_network(data, own_store):
    case = TrainCase(data, RECIPE, 3, regime=Fade())
    result = rebuilt(answer(Train(), case)["model"])
    by_hand, _ = trained(data, seed=3, regime=Fade())
    assert same(result, by_hand)
    assert result.masks.keys() == {"fc1.weight"}
    assert "Fade(over=0.75)" in result.lineage.settings
    networks = TrainSeeds(networks=2)(replace(case, seed=2))["networks"]
    assert np.array_equal(networks.weights["fc1.weight"][1], by_hand.network.fc1.weight.numpy())


def test_a_weight_that_is_not_there_is_said(data, monkeypatch):
    monkeypatch.setattr(Fade, "parametrizations", lambda *_: {"fc9.weight": Fading(1)})
    with pytest.raises(BlindspotError, match=r"no weight called 'fc9.weight'"):
        train(fresh(data, RECIPE), data, RECIPE, regime=Fade())
