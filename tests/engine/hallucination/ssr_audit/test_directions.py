"""Directions point to DECLINE, and are what decides in the networks that ship."""

import numpy as np
import pytest
import torch

from engine.evaluation.experiment import ExperimentCase
from engine.hallucination.ssr_audit import audited as module
from engine.hallucination.ssr_audit import directions
from engine.hallucination.ssr_audit.audited import (
    audit_questions,
    audited,
    shuffled_accuracy,
    things_of,
)
from engine.hallucination.ssr_audit.examined import ADDED, ADDED_RANDOM, REMOVED, REMOVED_RANDOM
from engine.hallucination.ssr_audit.network import HEADS, LAYERS, WIDTH, fresh
from engine.hallucination.ssr_audit.questions import PAD, EncodedQuestions, sample_questions
from engine.vision import data as data_sets


@pytest.fixture(scope="module")
def clouds():
    """States of two layers, 3 apart along the first axis in the second one."""
    states = torch.randn(2, 400, 8, generator=torch.Generator().manual_seed(0))
    declined = torch.arange(400) % 2 == 0
    states[1, declined, 0] += 3.0
    return states, declined


def test_directions_states_and_separations_are_the_usual_ones(clouds):
    states, declined = clouds
    spaces = directions.subspaces(states, declined)
    gap = states[:, declined].mean(1) - states[:, ~declined].mean(1)
    assert torch.allclose(spaces.directions * spaces.gaps[:, None], gap, atol=1e-6)
    assert torch.allclose(spaces.directions.norm(dim=1), torch.ones(2))
    along = spaces.projections(states)
    assert (along[1, declined] > 0).float().mean() > 0.9
    middle = (along[:, declined].mean(1) + along[:, ~declined].mean(1)) / 2
    assert torch.allclose(middle, torch.zeros(2), atol=1e-5)
    direction = directions.subspaces(states, declined).directions[1].double()
    direction /= direction.norm()
    state = states[1].double()
    along = (state @ direction)[:, None] * direction
    last = torch.zeros(400, dtype=torch.int64)
    rest = directions.removed(direction, 1)(1, state[:, None], last)[:, 0]
    assert (along + rest - state).abs().max() < 1e-6
    assert (rest @ direction).abs().max() < 1e-6
    expected = float(spaces.directions[0] @ spaces.directions[1])
    assert directions.cosines(spaces.directions)[0] == pytest.approx(expected, abs=1e-6)
    along = spaces.projections(states)[1].double().numpy()
    far, near = along[declined.numpy()], along[~declined.numpy()]
    assert directions.separations(spaces.projections(states), declined)[1] == pytest.approx(
        (far.mean() - near.mean()) / np.sqrt((far.var(ddof=1) + near.var(ddof=1)) / 2), rel=1e-4
    )


@pytest.mark.parametrize("layer", [0, 1])
def test_probes_are_within_two_points_of_scikit_learn(clouds, layer):
    linear = pytest.importorskip("sklearn.linear_model")
    states, declined = clouds
    weight, offset = directions.probe(states[layer, :300], ~declined[:300])
    peer = linear.LogisticRegression().fit(states[layer, :300], ~declined[:300])
    correct = (states[layer, 300:] @ weight + offset > 0) == ~declined[300:]
    theirs = peer.score(states[layer, 300:], ~declined[300:])
    assert correct.float().mean().item() == pytest.approx(theirs, abs=0.02)


def test_a_probe_that_learned_from_shuffled_labels_is_at_chance(clouds):
    states, declined = clouds
    right = []
    for seed in range(10):
        shuffled = declined[torch.randperm(400, generator=torch.Generator().manual_seed(seed))]
        weight, offset = directions.probe(states[1, :300], ~shuffled[:300])
        correct = (states[1, 300:] @ weight + offset > 0) == ~declined[300:]
        right.append(correct.float().mean().item())
    assert np.mean(right) == pytest.approx(0.5, abs=0.1)


def test_edits_change_the_last_word_alone_and_shares_add_up_to_the_distance():
    chance = torch.Generator().manual_seed(1)
    hidden, last = torch.randn(3, 5, WIDTH, generator=chance), torch.tensor([4, 2, 3])
    direction = directions.random_direction(0, WIDTH)
    for edit in (directions.removed(direction, 2), directions.add_direction(direction, 2, 1.5)):
        assert torch.equal(edit(1, hidden, last), hidden)
        changed = (edit(2, hidden, last) != hidden).any(2)
        assert changed.sum().item() == 3
        assert changed[torch.arange(3), last].all()
    moved = directions.add_direction(direction, 2, 1.5)(2, hidden, last) - hidden
    assert torch.allclose(moved[0, 4], 1.5 * direction, atol=1e-6)
    assert directions.first_accurate([0.99, 0.6, 0.96, 1.0]) == 2
    assert directions.first_accurate([0.5, 0.6, 0.9, 0.8]) == 2
    net = fresh(2).eval().requires_grad_(requires_grad=False)
    prompts = EncodedQuestions.of(sample_questions(40, np.random.default_rng(2), note=2))
    states = net.states(net.embed(prompts.ids), prompts.last)
    spaces = directions.subspaces(states, prompts.declined)
    parts = directions.part_shares(net, prompts, spaces.directions[-1])
    assert parts.shape == (LAYERS, HEADS + 1)
    assert parts.sum() == pytest.approx(float(spaces.gaps[-1]), abs=1e-5)


SEEDS = (0, 1, 2)
TIPPED = (0,)  # networks in which random directions of that length make some decline


def case_of(seed):
    return ExperimentCase(data_sets.load(module.SCENES), seed)


def learned_by(case):
    random = np.random.default_rng([case.seed, 23])
    return EncodedQuestions.of(sample_questions(module.PAIRS, random))


@pytest.fixture(params=SEEDS)
def case(request):
    return case_of(request.param)


def test_one_direction_decides_inside_and_a_random_one_does_not(case):
    audit = audited(case)
    assert audit.accuracies[0] == pytest.approx(0.5, abs=0.1)
    assert audit.accuracies[-1] > 0.95
    assert audit.accuracies[audit.middle] > 0.95
    assert all(right <= 0.95 for right in audit.accuracies[: audit.middle])
    assert shuffled_accuracy(audit, case) == pytest.approx(0.5, abs=0.1)
    result, at = audit.causes(case.seed), audit.best - 1
    assert result[REMOVED][at] < 0.4
    assert result[REMOVED_RANDOM][at] > 0.95
    assert result[ADDED][at] > 0.6
    # the claim asks for fewer than 5 %: one network of three misses that, so it is undecided
    assert (result[ADDED_RANDOM][at] < 0.05) == (case.seed not in TIPPED)
    assert result[ADDED][at] - result[ADDED_RANDOM][at] > 0.6
    learned = learned_by(case)
    rows = [{tuple(row[row != PAD].tolist()) for row in p.ids} for p in (learned, audit.tests)]
    assert not rows[0] & rows[1]


def test_before_the_last_layer_its_direction_does_not_decide_and_the_monitor_stops_few():
    audit = audited(case_of(0))
    left = audit.causes(0)[REMOVED]
    assert audit.best == LAYERS
    assert audit.middle < LAYERS
    assert all(share > 0.95 for share in left[:-1])  # a probe is right there all the same
    stopped = audit.stopped(audit.states[-1])
    assert stopped[~audit.tests.declined].float().mean().item() == pytest.approx(0.05, abs=0.01)
    assert stopped[audit.tests.declined].float().mean().item() > 0.95


def test_probes_of_states_are_within_two_points_of_scikit_learn(case):
    linear = pytest.importorskip("sklearn.linear_model")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    audit = audited(case)
    learned = learned_by(case)
    states = directions.states_of(audit.net, learned)
    for layer, right in enumerate(audit.accuracies):
        if layer:
            scale = preprocessing.StandardScaler().fit(states[layer])
            strength = 1 / (2 * directions.PENALTY * len(learned))
            peer = linear.LogisticRegression(C=strength, max_iter=2000)
            peer.fit(scale.transform(states[layer]), learned.declined)
            theirs = peer.score(scale.transform(audit.states[layer]), audit.tests.declined)
            assert right == pytest.approx(theirs, abs=0.02), layer


def test_questions_are_about_things_of_the_test_scenes():
    case = case_of(0)
    scene_things = things_of(case, 30, 0)
    assert all(len(present) >= 2 for present in scene_things)
    for at, question in enumerate(audit_questions(case, 30)):
        assert set(question.things) <= set(scene_things[at // 2])
    assert audit_questions(case, 5, part=1) != audit_questions(case, 5)
    assert not torch.equal(
        *(EncodedQuestions.of(audit_questions(case_of(s), 5, 4)).ids for s in (0, 1))
    )
