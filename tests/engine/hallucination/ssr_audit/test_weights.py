"""The networks that ship: their files, their states, and the questions that they are asked."""

from collections import Counter
from dataclasses import replace
from math import cos, pi

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.core.errors import BadModel
from engine.core.keeping.memory import Memory
from engine.hallucination.ssr_audit import school, weights
from engine.hallucination.ssr_audit.network import HEADS, LAYERS, WIDTH, fresh
from engine.hallucination.ssr_audit.questions import (
    COLON,
    DECLINE,
    FACTS,
    LONGEST,
    NUMBER,
    PAD,
    PLACES,
    START,
    WORDS,
    EncodedQuestions,
    batch,
    note_of,
    sample_questions,
)
from engine.hallucination.ssr_audit.school import SchoolPlan, train
from engine.vision.data.sprites import COLORS


@pytest.mark.parametrize("seed", weights.SHIPPED)
def test_a_network_that_ships_does_what_its_file_says(seed):
    card_figures = weights.card(seed)["figures"]
    assert weights.figures(weights.network(seed)) == pytest.approx(card_figures, abs=0.01)
    assert all(share > 0.97 for share in card_figures.values())
    plan = SchoolPlan(**weights.card(seed)["plan"])
    assert plan == replace(weights.PLAN, seed=plan.seed)
    assert plan.seed % weights.AGAIN == seed


def test_a_training_is_written_read_and_the_same_again_and_a_damaged_file_is_a_sentence(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(weights, "PLAN", SchoolPlan(steps=3, size=8))
    monkeypatch.setattr(weights, "ENOUGH", -1.0)
    (trained,) = weights.retrain(tmp_path, (7,))
    assert trained.path == weights.file_of(7, tmp_path)
    again = weights.rounded(train(SchoolPlan(7, steps=3, size=8)))
    stored = weights.read(trained.path).state_dict()
    assert all(torch.equal(stored[key], value) for key, value in again.state_dict().items())
    assert weights.figures(weights.read(trained.path)) == trained.figures
    (tmp_path / "bad.safetensors").write_bytes(b"none")
    with pytest.raises(BadModel, match="cannot be read"):
        weights.read(tmp_path / "bad.safetensors")


def test_a_training_is_the_loop_written_out(monkeypatch):
    monkeypatch.setattr(school, "WARM", 2)
    made = train(SchoolPlan(seed=3, steps=4, size=8)).state_dict()
    net = fresh(3).train().requires_grad_(requires_grad=True)
    random = np.random.default_rng([3, 17])
    optimizer = torch.optim.AdamW(net.parameters(), betas=(0.9, 0.98), weight_decay=0.01)
    for step, warm in enumerate((0.5, 1, 1, 1)):
        prompts, rows = batch(8, random, int(random.integers(LONGEST + 1))), torch.arange(8)
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
        weights.network(7)
    assert seeds == [7, 107, 207]
    monkeypatch.setattr(weights, "train_network", lambda seed, _: (seed, "figures"))
    monkeypatch.setattr(weights, "_NETS", Memory(1))
    assert weights.network(7) == 7


@pytest.mark.slow
def test_training_lowers_the_loss_to_right_answers():
    net = train(replace(weights.PLAN, seed=0))
    assert all(share > 0.97 for share in weights.figures(net).values())


@pytest.fixture(scope="module")
def net():
    return fresh(3).eval().requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def prompts():
    return EncodedQuestions.of(sample_questions(6, np.random.default_rng(1)))


def test_states_are_those_after_each_block_and_parts_add_up_to_them(net, prompts):
    states = net.states(net.embed(prompts.ids), prompts.last)
    assert states.shape == (LAYERS + 1, len(prompts), WIDTH)
    for row in range(len(prompts)):
        hidden = net.embed(prompts.ids[row : row + 1, : int(prompts.last[row]) + 1])
        assert torch.allclose(states[0, row], hidden[0, -1])
        for at, layer in enumerate(net.stack, 1):
            hidden = layer(hidden)
            assert torch.allclose(states[at, row], hidden[0, -1], atol=1e-5)
    assert torch.equal(states[:3], net.states(net.embed(prompts.ids), prompts.last, upto=2))
    written = net.written(prompts)
    assert written.heads.shape == (len(prompts), LAYERS, HEADS, WIDTH)
    whole = written.begin + written.heads.sum((1, 2)) + written.mlps.sum(1)
    assert torch.allclose(whole, states[-1], atol=1e-5)


def test_states_come_from_the_words_before_and_weights_from_the_seed(net, prompts):
    row = EncodedQuestions.of(sample_questions(3, np.random.default_rng(2), note=3))
    whole = net.states(net.embed(row.ids), row.last)
    for first in (5, START):
        after = net.states_after(net.past(row.ids[:, :first]), row.ids[:, first:])
        assert torch.allclose(after, whole, atol=1e-5)
    low = net.states_after(net.past(row.ids[:, :START], 2), row.ids[:, START:])
    assert torch.allclose(low, whole[:3], atol=1e-5)
    row = prompts.take(torch.tensor([0]))
    other = row.ids.clone()
    other[0, -1] = 5
    before, after = net.embed(row.ids), net.embed(other)
    for layer in net.stack:
        before, after = layer(before), layer(after)
    assert torch.allclose(before[0, :-1], after[0, :-1], atol=1e-6)
    torch.manual_seed(1)
    first = fresh(5).state_dict()
    torch.manual_seed(2)
    second = fresh(5).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["head.weight"], fresh(6).state_dict()["head.weight"])


@pytest.fixture
def random():
    return np.random.default_rng(4)


def test_both_sides_have_the_same_words_and_one_is_declined(random):
    questions = sample_questions(300, random)
    far = [question for question in questions if question.declined]
    near = [question for question in questions if not question.declined]
    assert len(far) == len(near) == 300
    expected = sorted(len(question.words) for question in near)
    assert sorted(len(question.words) for question in far) == expected
    words = [Counter(word for question in part for word in question.words) for part in (far, near)]
    for word in set(words[0]) | set(words[1]):
        low, high = sorted(part[word] for part in words)
        assert high - low <= (0.2 * high + 12 if word in COLORS else 0)
    first, second = sample_questions(1, random)
    assert first.declined != second.declined
    assert sum([a != b for a, b in zip(first.words, second.words, strict=True)]) == 1
    assert first.fact == second.fact
    for question in sample_questions(100, random):
        words = question.words
        role = words[words.index(words[FACTS + 1]) - 1]  # before the color, in the facts
        word = words[FACTS + 5]
        assert question.declined == (role != word)
        assert question.fact == words[words.index(word) + 2]
        assert question.answer == ("DECLINE" if role != word else question.fact)


def test_batches_read_as_single_questions_do_and_are_padded_on_the_right(random):
    prompts = batch(200, random, 3)
    for ids, fact, declined, viewer in zip(
        prompts.ids.tolist(),
        prompts.fact.tolist(),
        prompts.declined.tolist(),
        prompts.viewer.tolist(),
        strict=True,
    ):
        words = [WORDS[word_id] for word_id in ids]
        assert words[COLON] == ":"
        assert words[START - 1] == "note"
        assert words[-1] == "?"
        role = words[words.index(words[FACTS + 1]) - 1]
        word = words[FACTS + 5]
        assert declined == (role != word)
        assert WORDS[viewer] == role
        assert WORDS[fact] == words[words.index(word) + 2]
    assert 0.4 < prompts.declined.float().mean().item() < 0.6
    questions = sample_questions(20, random)
    prompts = EncodedQuestions.of(questions)
    assert prompts.ids.shape[1] <= PLACES
    for row, question in enumerate(questions):
        last = int(prompts.last[row])
        assert WORDS[int(prompts.ids[row, last])] == "?"
        assert (prompts.ids[row, last + 1 :] == PAD).all()
        assert note_of(prompts.ids[row]) == question.note
        assert int(prompts.targets[row]) == (
            DECLINE if question.declined else NUMBER[question.fact]
        )
    assert {len(question.note) for question in questions} <= set(range(LONGEST + 1))
