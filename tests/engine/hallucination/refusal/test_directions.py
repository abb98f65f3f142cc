"""Directions point to DECLINE, and probes agree with scikit-learn's logistic regression."""

import numpy as np
import pytest
import torch

from engine.hallucination.refusal.directions import (
    add_direction,
    cosines,
    first_accurate,
    part_shares,
    probe,
    random_direction,
    removed,
    separations,
    subspaces,
)
from engine.hallucination.refusal.network import HEADS, LAYERS, WIDTH, fresh
from engine.hallucination.refusal.questions import EncodedQuestions, sample_questions


@pytest.fixture(scope="module")
def clouds():
    """States of two layers, 3 apart along the first axis in the second one."""
    chance = torch.Generator().manual_seed(0)
    states = torch.randn(2, 400, 8, generator=chance)
    declined = torch.arange(400) % 2 == 0
    states[1, declined, 0] += 3.0
    return states, declined


def test_directions_states_and_separations_are_the_usual_ones(clouds):
    states, declined = clouds
    spaces = subspaces(states, declined)
    gap = states[:, declined].mean(1) - states[:, ~declined].mean(1)
    assert torch.allclose(spaces.directions * spaces.gaps[:, None], gap, atol=1e-6)
    assert torch.allclose(spaces.directions.norm(dim=1), torch.ones(2))
    along = spaces.projections(states)
    assert (along[1, declined] > 0).float().mean() > 0.9
    middle = (along[:, declined].mean(1) + along[:, ~declined].mean(1)) / 2
    assert torch.allclose(middle, torch.zeros(2), atol=1e-5)
    direction = subspaces(states, declined).directions[1].double()
    direction /= direction.norm()
    state = states[1].double()
    along = (state @ direction)[:, None] * direction
    rest = removed(direction, 1)(1, state[:, None], torch.zeros(400, dtype=torch.int64))[:, 0]
    assert (along + rest - state).abs().max() < 1e-6
    assert (rest @ direction).abs().max() < 1e-6
    assert cosines(spaces.directions)[0] == pytest.approx(
        float(spaces.directions[0] @ spaces.directions[1]), abs=1e-6
    )
    along = spaces.projections(states)[1].double().numpy()
    far, near = along[declined.numpy()], along[~declined.numpy()]
    pooled = np.sqrt((far.var(ddof=1) + near.var(ddof=1)) / 2)
    assert separations(spaces.projections(states), declined)[1] == pytest.approx(
        (far.mean() - near.mean()) / pooled, rel=1e-4
    )


@pytest.mark.parametrize("layer", [0, 1])
def test_probes_are_within_two_points_of_scikit_learn(clouds, layer):
    linear = pytest.importorskip("sklearn.linear_model")
    states, declined = clouds
    weight, offset = probe(states[layer, :300], ~declined[:300])
    peer = linear.LogisticRegression().fit(states[layer, :300], ~declined[:300])
    correct = (states[layer, 300:] @ weight + offset > 0) == ~declined[300:]
    theirs = peer.score(states[layer, 300:], ~declined[300:])
    assert correct.float().mean().item() == pytest.approx(theirs, abs=0.02)


def test_a_probe_that_learned_from_shuffled_labels_is_at_chance(clouds):
    states, declined = clouds
    right = []
    for seed in range(10):
        shuffled = declined[torch.randperm(400, generator=torch.Generator().manual_seed(seed))]
        weight, offset = probe(states[1, :300], ~shuffled[:300])
        correct = (states[1, 300:] @ weight + offset > 0) == ~declined[300:]
        right.append(correct.float().mean().item())
    assert np.mean(right) == pytest.approx(0.5, abs=0.1)


def test_an_edit_changes_the_last_word_of_its_layer_alone():
    chance = torch.Generator().manual_seed(1)
    hidden, last = torch.randn(3, 5, WIDTH, generator=chance), torch.tensor([4, 2, 3])
    direction = random_direction(0, WIDTH)
    for edit in (removed(direction, 2), add_direction(direction, 2, 1.5)):
        assert torch.equal(edit(1, hidden, last), hidden)
        changed = (edit(2, hidden, last) != hidden).any(2)
        assert changed.sum().item() == 3
        assert changed[torch.arange(3), last].all()
    moved = add_direction(direction, 2, 1.5)(2, hidden, last) - hidden
    assert torch.allclose(moved[0, 4], 1.5 * direction, atol=1e-6)


def test_shares_of_heads_and_mlps_add_up_to_the_distance_of_the_means():
    net = fresh(2).eval().requires_grad_(requires_grad=False)
    prompts = EncodedQuestions.of(sample_questions(40, np.random.default_rng(2), note=2))
    states = net.states(net.embed(prompts.ids), prompts.last)
    spaces = subspaces(states, prompts.declined)
    parts = part_shares(net, prompts, spaces.directions[-1])
    assert parts.shape == (LAYERS, HEADS + 1)
    assert parts.sum() == pytest.approx(float(spaces.gaps[-1]), abs=1e-5)


def test_the_first_accurate_layer_is_above_95_percent_and_not_the_embedding():
    assert first_accurate([0.99, 0.6, 0.96, 1.0]) == 2
    assert first_accurate([0.5, 0.6, 0.9, 0.8]) == 2
