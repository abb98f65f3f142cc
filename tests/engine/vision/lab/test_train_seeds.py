"""Networks of several seeds, trained together, are those that trainings alone would give."""

from dataclasses import replace

import numpy as np
import pytest

from engine.vision.lab import TrainCase, TrainSeeds
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import Recipe, figures, fresh, loop, train
from tests.engine.vision.training.test_loop import striped
from tests.engine.vision.training.test_stacked import furthest

RECIPE = Recipe("lenet", epochs=2, batch=32, rate=0.02, shift=1)
AGAINST_ATTACKS = replace(RECIPE, epsilon=0.1, attack_steps=1)
CASE = TrainCase(striped(), RECIPE, 7)


@pytest.mark.parametrize("recipe", [RECIPE, AGAINST_ATTACKS], ids=["together", "one by one"])
def test_each_network_is_that_of_a_training_alone(recipe):
    result = TrainSeeds(networks=3)(replace(CASE, recipe=recipe))
    for place, seed in enumerate((7, 8, 9)):
        alone = fresh(CASE.data, recipe, seed)
        before = [parameter.clone() for parameter in alone.parameters()]
        train(alone, CASE.data, recipe, seed)
        assert furthest(rebuilt(result["networks"][place]), alone) < 1e-6
        moved = zip(before, alone.parameters(), strict=True)
        assert max((a - b).abs().max().item() for a, b in moved) > 1e-3
        expected = [*figures(alone, CASE.data).values()]
        assert result["figures"].values[place] == pytest.approx(expected)
    assert result["figures"].rows == ("seed 7", "seed 8", "seed 9")


def test_a_stopped_training_goes_on_to_the_same_networks(monkeypatch, empty_home, interrupted):
    monkeypatch.setattr(loop, "KEEP_SECONDS", 0.0)
    case = replace(CASE, recipe=replace(RECIPE, epochs=5))
    shares = interrupted(TrainSeeds(networks=2), case, beyond=0.4)
    resumed = []
    after = TrainSeeds(networks=2)(case, lambda done, *_: resumed.append(done))
    assert resumed[0] >= shares[-1] > shares[0]
    direct, other = TrainSeeds(networks=2)(case), TrainSeeds(networks=2)(replace(case, seed=0))
    for name, array in direct["networks"].weights.items():
        np.testing.assert_array_equal(after["networks"].weights[name], array)
        assert not np.array_equal(other["networks"].weights[name], array)


def test_seeds_follow_the_case_s_and_begin_again_behind_the_last():
    result = TrainSeeds(networks=2)(replace(CASE, seed=2**32 - 1))
    assert result["figures"].rows == ("seed 4294967295", "seed 0")
