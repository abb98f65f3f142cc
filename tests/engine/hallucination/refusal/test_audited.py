"""What is found in the networks that ship: where it is decided, and that a direction decides."""

import numpy as np
import pytest
import torch

from engine import data as data_sets
from engine.errors import BadData
from engine.experiment import ExperimentCase
from engine.hallucination.refusal import audited as module
from engine.hallucination.refusal.audited import (
    audit_questions,
    audited,
    shuffled_accuracy,
    things_of,
)
from engine.hallucination.refusal.directions import PENALTY, states_of
from engine.hallucination.refusal.examined import ADDED, ADDED_RANDOM, REMOVED, REMOVED_RANDOM
from engine.hallucination.refusal.network import LAYERS
from engine.hallucination.refusal.questions import PAD, EncodedQuestions, sample_questions

SEEDS = (0, 1, 2)
TIPPED = (0,)  # networks in which random directions of that length make some decline


def case_of(seed):
    return ExperimentCase(data_sets.load(module.SCENES), seed)


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
    learned = EncodedQuestions.of(
        sample_questions(module.PAIRS, np.random.default_rng([case.seed, 23]))
    )
    rows = [
        {tuple(row[row != PAD].tolist()) for row in part.ids} for part in (learned, audit.tests)
    ]
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
    learned = EncodedQuestions.of(
        sample_questions(module.PAIRS, np.random.default_rng([case.seed, 23]))
    )
    states = states_of(audit.net, learned)
    for layer, right in enumerate(audit.accuracies):
        if layer:
            scale = preprocessing.StandardScaler().fit(states[layer])
            peer = linear.LogisticRegression(C=1 / (2 * PENALTY * len(learned)), max_iter=2000)
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


def test_data_without_things_are_a_sentence():
    with pytest.raises(BadData, match="drawn scenes"):
        audit_questions(ExperimentCase(data_sets.load("digits")), 3)
