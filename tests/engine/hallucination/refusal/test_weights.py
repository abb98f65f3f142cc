"""The networks that ship: what their files say of them, and that a seed makes one again."""

from dataclasses import replace
from math import cos, pi

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.errors import BadModel
from engine.hallucination.refusal import school, weights
from engine.hallucination.refusal.network import fresh
from engine.hallucination.refusal.questions import COLON, LONGEST, batch
from engine.hallucination.refusal.school import SchoolPlan, train


@pytest.mark.parametrize("seed", weights.SHIPPED)
def test_a_network_that_ships_does_what_its_file_says(seed):
    card_figures = weights.card(seed)["figures"]
    assert weights.figures(weights.network(seed)) == pytest.approx(card_figures, abs=0.01)
    assert all(share > 0.97 for share in card_figures.values())
    plan = SchoolPlan(**weights.card(seed)["plan"])
    assert plan == replace(weights.PLAN, seed=plan.seed)
    assert plan.seed % weights.AGAIN == seed


def test_a_training_is_written_read_and_the_same_again(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "PLAN", SchoolPlan(steps=3, size=8))
    monkeypatch.setattr(weights, "ENOUGH", -1.0)
    (trained,) = weights.retrain(tmp_path, (7,))
    assert trained.path == weights.file_of(7, tmp_path)
    again = weights.rounded(train(SchoolPlan(7, steps=3, size=8)))
    stored = weights.read(trained.path).state_dict()
    assert all(torch.equal(stored[key], value) for key, value in again.state_dict().items())
    assert weights.figures(weights.read(trained.path)) == trained.figures


def test_a_training_is_the_loop_written_out(monkeypatch):
    monkeypatch.setattr(school, "WARM", 2)
    made = train(SchoolPlan(seed=3, steps=4, size=8)).state_dict()
    net, random = (
        fresh(3).train().requires_grad_(requires_grad=True),
        np.random.default_rng([3, 17]),
    )
    optimizer = torch.optim.AdamW(net.parameters(), betas=(0.9, 0.98), weight_decay=0.01)
    for step, warm in enumerate((0.5, 1, 1, 1)):
        length = int(random.integers(LONGEST + 1))
        prompts, rows = batch(8, random, length), torch.arange(8)
        hidden = net.embed(prompts.ids)
        for layer in net.stack:
            hidden = layer(hidden)
        logits = net.logits(hidden)
        loss = F.cross_entropy(logits[rows, prompts.last], prompts.targets)
        loss = loss + F.cross_entropy(logits[:, COLON], prompts.viewer)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.param_groups[0]["lr"] = 2e-3 * warm * (0.55 + 0.45 * cos(pi * step / 4))
        optimizer.step()
    for name, weight in net.state_dict().items():
        torch.testing.assert_close(made[name], weight, rtol=0, atol=1e-6)


def test_first_weights_that_do_not_learn_are_drawn_again_and_then_refused(monkeypatch):
    monkeypatch.setattr(weights, "PLAN", SchoolPlan(steps=1, size=2))
    seeds = []
    real = weights.train
    monkeypatch.setattr(weights, "train", lambda plan, _: seeds.append(plan.seed) or real(plan))
    with pytest.raises(BadModel, match="choose another first seed"):
        weights.train_network(7)
    assert seeds == [7, 107, 207]


def test_a_damaged_file_is_a_sentence(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"none")
    with pytest.raises(BadModel, match="cannot be read"):
        weights.read(tmp_path / "bad.safetensors")


@pytest.mark.slow
def test_training_lowers_the_loss_to_right_answers():
    net = train(replace(weights.PLAN, seed=0))
    assert all(share > 0.97 for share in weights.figures(net).values())
