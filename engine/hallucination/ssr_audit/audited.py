"""A network under audit: its directions and probes, and questions that neither learned from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch

from engine.core.errors import BadData
from engine.core.keeping.memory import Memory
from engine.core.method import Progress, quiet
from engine.evaluation.experiment import ExperimentCase
from engine.hallucination.ssr_audit import weights
from engine.hallucination.ssr_audit.directions import declines, states_of, subspaces
from engine.hallucination.ssr_audit.examined import Examined, causes, most_changed
from engine.hallucination.ssr_audit.network import QuestionNet
from engine.hallucination.ssr_audit.questions import (
    EncodedQuestions,
    SceneQuestion,
    sample_questions,
)
from engine.vision.data.sprites import CATEGORIES

PAIRS = 200  # of questions to learn directions and probes from, and as many to try them on
SCENES = "scenes:kind=broken,seed=1000"
_AUDITED: Memory[Audited] = Memory(6)


@dataclass(frozen=True, eq=False)
class Audited(Examined[EncodedQuestions]):
    """A network, examined: it learned from things drawn at random and is tested on test scenes.

    Args:
        net: the network.
        _edits: what edits do, by seed.
    """

    net: QuestionNet
    _edits: dict[int, dict[str, list[float]]] = field(default_factory=dict, repr=False)

    def causes(self, seed: int) -> dict[str, list[float]]:
        """By layer from 1 on, the share that is declined with each kind of edit; made once."""
        if seed not in self._edits:
            self._edits[seed] = causes(self, partial(declines, self.net), seed)
        return self._edits[seed]


def things_of(case: ExperimentCase, count: int, seed: int) -> list[list[str]]:
    """The things in so many test scenes that hold two or more; scenes come again if need be.

    Raises:
        BadData: the data say nothing of things.
    """
    truth = case.data.truth.get("present")
    if truth is None or truth.shape[1] != len(CATEGORIES):
        raise BadData(
            f"The questions are about drawn scenes, and {case.data.card.title} are none: choose "
            f"{SCENES}."
        )
    rows = case.data.rows("test")
    rows = rows[truth[rows].sum(1) >= 2]
    if not len(rows):
        raise BadData("No test scene holds two things: choose more scenes.")
    picked = np.random.default_rng([seed, 3]).choice(rows, count, replace=len(rows) < count)
    return [[CATEGORIES[at] for at in np.flatnonzero(truth[row])] for row in picked]


def audit_questions(
    case: ExperimentCase, count: int, note: int | None = None, part: int = 0
) -> list[SceneQuestion]:
    """Pairs of questions about the test scenes; `part` draws other ones."""
    random = np.random.default_rng([case.seed, 29, part])
    return sample_questions(count, random, things_of(case, count, case.seed + 1000 * part), note)


def audited(case: ExperimentCase, progress: Progress = quiet) -> Audited:
    """The network of the case's seed with its directions, made once."""
    name = f"{case.fingerprint}"
    return _AUDITED.made(name, lambda: _audited(case, progress))


def _audited(case: ExperimentCase, progress: Progress) -> Audited:
    net = weights.network(case.seed, progress)
    return examined(net, case)


def examined(net: QuestionNet, case: ExperimentCase) -> Audited:
    """Directions and probes of any network of this form."""
    # a stream apart from that of the training, 17, and of the tests, 29
    training_questions = EncodedQuestions.of(
        sample_questions(PAIRS, np.random.default_rng([case.seed, 23]))
    )
    spaces = subspaces(states_of(net, training_questions), training_questions.declined)
    tests = EncodedQuestions.of(audit_questions(case, PAIRS))
    best = most_changed(spaces, training_questions, partial(declines, net))
    return Audited(spaces, tests, states_of(net, tests), best, net)


@torch.no_grad()
def shuffled_accuracy(audit: Audited, case: ExperimentCase) -> float:
    """Of a probe of the last layer that learned from shuffled labels, on the tests."""
    random = np.random.default_rng([case.seed, 31])
    # the very questions that directions come from: only their labels differ
    training_questions = EncodedQuestions.of(
        sample_questions(PAIRS, np.random.default_rng([case.seed, 23]))
    )
    labels = training_questions.declined[
        torch.from_numpy(random.permutation(len(training_questions)))
    ]
    spaces = subspaces(states_of(audit.net, training_questions)[-1:], labels)
    return spaces.accuracies(audit.states[-1:], audit.tests.declined)[0]
