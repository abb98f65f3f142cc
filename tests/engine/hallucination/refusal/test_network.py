"""States are those after each block at the last word; what parts write adds up to them."""

import numpy as np
import pytest
import torch

from engine.hallucination.refusal.network import HEADS, LAYERS, WIDTH, fresh
from engine.hallucination.refusal.questions import START, EncodedQuestions, sample_questions


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
    every = net.states(net.embed(prompts.ids), prompts.last)
    some = net.states(net.embed(prompts.ids), prompts.last, upto=2)
    assert torch.equal(every[:3], some)
    written = net.written(prompts)
    assert written.heads.shape == (len(prompts), LAYERS, HEADS, WIDTH)
    whole = written.begin + written.heads.sum((1, 2)) + written.mlps.sum(1)
    states = net.states(net.embed(prompts.ids), prompts.last)
    assert torch.allclose(whole, states[-1], atol=1e-5)


def test_states_after_words_that_were_read_are_those_of_all_words(net):
    row = EncodedQuestions.of(sample_questions(3, np.random.default_rng(2), note=3))
    whole = net.states(net.embed(row.ids), row.last)
    for first in (5, START):
        after = net.states_after(net.past(row.ids[:, :first]), row.ids[:, first:])
        assert torch.allclose(after, whole, atol=1e-5)
    low = net.states_after(net.past(row.ids[:, :START], 2), row.ids[:, START:])
    assert torch.allclose(low, whole[:3], atol=1e-5)


def test_attention_sees_no_later_word(net, prompts):
    row = prompts.take(torch.tensor([0]))
    other = row.ids.clone()
    other[0, -1] = 5
    before, after = net.embed(row.ids), net.embed(other)
    for layer in net.stack:
        before, after = layer(before), layer(after)
    assert torch.allclose(before[0, :-1], after[0, :-1], atol=1e-6)


def test_weights_come_from_the_seed_alone():
    torch.manual_seed(1)
    first = fresh(5).state_dict()
    torch.manual_seed(2)
    second = fresh(5).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["head.weight"], fresh(6).state_dict()["head.weight"])
