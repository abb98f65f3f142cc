"""The search for a strength never prefers destruction to leaving the model alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.unlearning import IU, SSD, IUExact
from engine.unlearning.protocol.scoreboard import run_of
from engine.unlearning.ways import influence as of_influence
from engine.unlearning.ways import ssd
from engine.unlearning.ways.network import named_weights, own_copy
from engine.unlearning.ways.search import UNCHANGED, best_strength


def zeroed_by(model):
    def change(strength):
        for weight in named_weights(model).values():
            weight.mul_(1 - strength)

    return change


def test_no_strength_is_chosen_where_each_takes_the_model_with_it(case):
    model = own_copy(case.model)
    assert best_strength(case, model, case.data, (1.0,), zeroed_by(model)) is None
    assert torch.equal(
        torch.cat([parameter.flatten() for parameter in model.parameters()]),
        torch.cat([parameter.flatten() for parameter in case.model.parameters()]),
    )


def test_the_best_of_the_strengths_is_chosen_where_one_is_better_than_no_change(case):
    model = own_copy(case.model)
    head = model.head

    def change(strength):  # the forgotten class loses its logit, the others keep theirs
        head.bias[3] -= 100 * strength

    assert best_strength(case, model, case.data, (0.001, 1.0), change) == 1.0


@pytest.mark.parametrize(
    ("method", "where", "name"),
    [
        (IU(), of_influence, "SHARES"),
        (IUExact(rounds=2), of_influence, "PARTS"),
        (SSD(strength=0.01), ssd, "SHARES"),
    ],
    ids=["IU", "IUExact", "SSD"],
)
def test_a_way_that_could_only_destroy_changes_nothing_and_says_so(
    case, monkeypatch, method, where, name
):
    monkeypatch.setattr(where, name, (0.97,) if where is ssd else (1e4,))
    result = method(case)
    state = case.model.network.state_dict()
    assert result["run"]["steps"][0] == 0
    assert result["run"].notes == (UNCHANGED,)
    assert result["run"]["failed_at"][0] == -1
    assert all(np.array_equal(result["model"].weights[key], state[key].numpy()) for key in state)
    if "mask" in result:
        assert not result["mask"]["density"].any()


def test_the_row_of_the_scoreboard_says_that_nothing_was_changed(case, monkeypatch):
    monkeypatch.setattr(of_influence, "PARTS", (1e4,))
    assert run_of(IUExact(rounds=2, damping=1e-3), case, lambda *_: None).note == UNCHANGED
