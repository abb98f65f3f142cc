"""The search changes notes alone, counts what it costs, and follows the rules of its buffer."""

import numpy as np
import pytest
import torch

from engine.hallucination.ssr_audit.directions import states_of, subspaces
from engine.hallucination.ssr_audit.free import gradient_answers, mean_embedding_distance
from engine.hallucination.ssr_audit.losses import LOGIT, PROBE, STEER, Goal
from engine.hallucination.ssr_audit.network import LAYERS, fresh
from engine.hallucination.ssr_audit.questions import (
    ANY_IDS,
    DECLINE,
    MARKS,
    NOTE_IDS,
    NUMBER,
    START,
    EncodedQuestions,
    sample_questions,
)
from engine.hallucination.ssr_audit.rerouting import (
    BUFFER,
    TOP,
    NoteBuffer,
    ReroutingRules,
    answers,
    gradient,
    proposed,
    replaced,
    reroute,
)

K = 4


@pytest.fixture(scope="module")
def net():
    """Untrained, but for a head that says DECLINE to most questions."""
    network = fresh(3).eval().requires_grad_(requires_grad=False)
    prompts = EncodedQuestions.of(sample_questions(30, np.random.default_rng(5), note=K))
    state = network.norm(states_of(network, prompts)[-1]).mean(0)
    network.head.weight[DECLINE] += 1.0 * state / state.norm()
    return network


@pytest.fixture(scope="module")
def prompts():
    return EncodedQuestions.of(sample_questions(5, np.random.default_rng(6), note=K))


@pytest.fixture(scope="module")
def spaces(net):
    learned = EncodedQuestions.of(sample_questions(50, np.random.default_rng(7)))
    return subspaces(states_of(net, learned), learned.declined)


def goals(spaces):
    return (
        Goal(STEER, (2,), 1.0, spaces),
        Goal(STEER, (1, 3), 0.5, spaces),
        Goal(PROBE, (2,), 1.0, spaces),
        Goal(LOGIT, (), 1.0, spaces),
    )


@pytest.mark.parametrize("at", range(4))
def test_losses_are_those_of_the_paper_written_out(net, prompts, spaces, at):
    goal = goals(spaces)[at]
    result = goal.losses(net, net.words(prompts.ids), prompts.last)
    states = states_of(net, prompts)
    for row in range(len(prompts)):
        if goal.kind == LOGIT:
            logits = net.logits(states[-1, row])
            other = max(float(x) for i, x in enumerate(logits) if i != DECLINE)
            expected = np.log1p(np.exp(float(logits[DECLINE]) - other))
        else:
            terms = []
            for layer in goal.layers:
                state, v = states[layer, row], spaces.directions[layer]
                if goal.kind == PROBE:
                    odds = float(state @ spaces.weights[layer] + spaces.offsets[layer])
                    terms.append(-np.log(1 / (1 + np.exp(-odds))))
                else:
                    centered = state - spaces.middles[layer] * v
                    terms.append((-goal.alpha - float(centered @ v / centered.norm())) ** 2)
            expected = np.mean(terms)
        assert float(result[row]) == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_fewer_words_are_replaced_as_the_loss_falls_and_a_buffer_keeps_the_best():
    assert replaced(1.0, 1.0, 6) == 6
    assert replaced(0.5, 1.0, 6) == int(6 * 0.5 ** (1 / 1.8)) == 4
    assert replaced(0.001, 1.0, 6) == 1
    assert replaced(2.0, 1.0, 6) == 6
    assert replaced(0.0, 0.0, 6) == 1
    buffer = NoteBuffer([(0, 0)], [1.0])
    buffer.take([(1, 1), (2, 2), (3, 3)], [0.5, 0.5, 2.0])
    assert buffer.losses == [0.5, 1.0, 2.0]
    assert buffer.stale == 0
    buffer.take([(4, 4)], [0.7])
    assert buffer.losses == [0.5, 0.7, 1.0, 2.0]
    assert buffer.stale == 1
    buffer.take([(9, at) for at in range(30)], [3.0 + at for at in range(30)])
    assert len(buffer.losses) == BUFFER


def test_a_jump_goes_to_a_lower_rank_drawn_with_softmax_of_minus_the_loss():
    buffer = NoteBuffer([(at,) for at in range(5)], [float(at) for at in range(5)], stale=5)
    buffer.jump(torch.Generator().manual_seed(0))
    rank = int(buffer.losses[0])
    assert rank >= 1
    assert buffer.archive == {(at,) for at in range(rank)}
    assert buffer.stale == 0
    buffer.take([(0,)], [0.0])
    assert (0,) not in buffer.notes
    single = NoteBuffer([(1,)], [1.0], stale=5)
    single.jump(torch.Generator().manual_seed(0))
    assert single.notes == [(1,)]
    chance, ranks = torch.Generator().manual_seed(0), []
    for _ in range(2000):
        buffer = NoteBuffer([(0,), (1,), (2,)], [0.0, 0.5, 1.5])
        buffer.jump(chance)
        ranks.append(buffer.notes[0][0])
    expected = np.exp(-0.5) / (np.exp(-0.5) + np.exp(-1.5))
    assert np.mean(np.array(ranks) == 1) == pytest.approx(expected, abs=0.04)


def test_words_are_replaced_by_those_of_the_most_negative_slopes(net, prompts, spaces):
    goal = Goal(LOGIT, (), 1.0, spaces)
    slopes = gradient(net, prompts, goal, K, NOTE_IDS)
    assert slopes.shape == (len(prompts), K, len(NOTE_IDS))
    words, tiny = net.words(prompts.ids), 1e-2
    for word in (0, 7):
        moved_words = words.clone()
        moved_words[:, START + 1] += tiny * net.words.weight[NOTE_IDS[word]]
        other = words.clone()
        other[:, START + 1] -= tiny * net.words.weight[NOTE_IDS[word]]
        slope = goal.losses(net, moved_words, prompts.last) - goal.losses(net, other, prompts.last)
        assert torch.allclose(slope / (2 * tiny), slopes[:, 1, word], atol=2e-3)
    chance = torch.Generator().manual_seed(0)
    current = torch.full((2, K), NOTE_IDS[0])
    slopes = torch.randn(2, K, len(NOTE_IDS), generator=chance)
    slopes[:, :, 0] = 9.0  # the word that is there is none of the best
    new = proposed(current, slopes, [1, 3], ReroutingRules(width=50, allowed=NOTE_IDS), chance)
    assert new.shape == (2, 50, K)
    for row, count in enumerate((1, 3)):
        assert ((new[row] != current[row]).sum(1) == count).all()
        for place in range(K):
            best = {NOTE_IDS[at] for at in slopes[row, place].topk(TOP, largest=False).indices}
            assert set(new[row, :, place].tolist()) <= best | {NOTE_IDS[0]}


@pytest.mark.parametrize("allowed", [NOTE_IDS, ANY_IDS])
@pytest.mark.parametrize("at", range(4))
def test_only_the_note_changes_and_only_into_words(net, prompts, spaces, at, allowed):
    rules = ReroutingRules(4, 8, 2, allowed=allowed)
    result = reroute(net, prompts, goals(spaces)[at], rules, K, 3)
    assert set(result.notes.flatten().tolist()) <= set(allowed) | set(NOTE_IDS)
    assert not set(result.notes.flatten().tolist()) & {NUMBER[mark] for mark in MARKS}
    ids = prompts.noted(result.notes).ids
    unchanged = torch.ones(ids.shape[1], dtype=torch.bool)
    unchanged[START : START + K] = False
    assert torch.equal(ids[:, unchanged], prompts.ids[:, unchanged])
    assert torch.equal(result.said, answers(net, prompts.noted(result.notes)))
    assert torch.equal(result.flipped, result.said != DECLINE)


def test_the_best_note_never_gets_worse_and_tries_are_counted(net, prompts, spaces):
    goal = Goal(STEER, (2,), 1.0, spaces)
    first, second = (reroute(net, prompts, goal, ReroutingRules(5, 8), K, 3) for _ in range(2))
    assert torch.equal(first.paths, second.paths)
    words = (net.words(prompts.noted(notes).ids) for notes in first.paths)
    losses = torch.stack([goal.losses(net, row, prompts.last) for row in words])
    assert (losses.diff(dim=0) <= 1e-6).all()
    other = reroute(net, prompts, goal, ReroutingRules(5, 8), K, 4)
    assert not torch.equal(first.paths[0], other.paths[0])
    goal, rules = Goal(STEER, (2,), 1.0, spaces), ReroutingRules(3, 8)
    result = reroute(net, prompts, goal, rules, K, 3)
    rounds = (result.tried - 1) / rules.width
    assert ((rounds == 3) | result.flipped).all()
    per_round = (rules.width + 3) * 2 / LAYERS + 1
    assert torch.allclose(result.passes, 2 / LAYERS + 1 + rounds * per_round)


def test_free_words_move_by_at_most_rho_and_not_at_all_at_zero(net, prompts, spaces, monkeypatch):
    from engine.hallucination.ssr_audit import free

    goal, shifts = Goal(LOGIT, (), 1.0, spaces), []
    real = free.with_note
    monkeypatch.setattr(
        free, "with_note", lambda a, change, c: shifts.append(change.detach()) or real(a, change, c)
    )
    gradient_answers(net, prompts, goal, 0.5, 8, K)
    furthest = max(shift.norm(dim=2).max().item() for shift in shifts)
    assert furthest <= 0.5 * mean_embedding_distance(net) * 1.0001
    assert shifts[-1].norm(dim=2).min() > 0
    assert torch.equal(gradient_answers(net, prompts, goal, 0.0, 8, K), answers(net, prompts))
