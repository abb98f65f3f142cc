"""A network under audit: its directions and probes, and questions that neither learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.data.sprites import CATEGORIES
from engine.errors import BadData
from engine.experiment import ExperimentCase
from engine.hallucination.refusal import weights
from engine.hallucination.refusal.directions import (
    Subspaces,
    added,
    declines,
    first_accurate,
    random_direction,
    removed,
    states_of,
    subspaces,
)
from engine.hallucination.refusal.network import LAYERS, WIDTH, QuestionNet
from engine.hallucination.refusal.questions import Prompts, SceneQuestion, drawn
from engine.keeping.memory import Memory
from engine.method import Progress, quiet

PAIRS = 200  # of questions to learn directions and probes from, and as many to try them on
SCENES = "scenes:kind=broken,seed=1000"
CONTROLS = 5  # random directions
_AUDITED: Memory[Audited] = Memory(6)


@dataclass(frozen=True, eq=False)
class Audited:
    """What is known of a network before it is rerouted.

    Args:
        net: the network.
        spaces: directions and probes, learned from questions about things drawn at random.
        tests: other questions, about the test scenes, each followed by its twin.
        states: of those, (1 + L, N, d).
        accuracies: of each layer's probe on them, the embedding's first.
        middle: the first layer whose probe is accurate.
        best: the layer at which removing the direction takes away most declines.
    """

    net: QuestionNet
    spaces: Subspaces
    tests: Prompts
    states: Tensor
    accuracies: list[float]
    middle: int
    best: int

    @property
    def far(self) -> Prompts:
        """The tests that are to be declined."""
        return self.tests.take(self.tests.declined.nonzero()[:, 0])

    @property
    def near(self) -> Prompts:
        """The tests that are to be answered."""
        return self.tests.take((~self.tests.declined).nonzero()[:, 0])


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


def questions(
    case: ExperimentCase, count: int, note: int | None = None, part: int = 0
) -> list[SceneQuestion]:
    """Pairs of questions about the test scenes; `part` draws other ones."""
    random = np.random.default_rng([case.seed, 29, part])
    return drawn(count, random, things_of(case, count, case.seed + 1000 * part), note)


def audited(case: ExperimentCase, progress: Progress = quiet) -> Audited:
    """The network of the case's seed with its directions, made once."""
    name = f"{case.fingerprint}"
    return _AUDITED.made(name, lambda: _audited(case, progress))


def _audited(case: ExperimentCase, progress: Progress) -> Audited:
    net = weights.network(case.seed, progress)
    return examined(net, case)


def examined(net: QuestionNet, case: ExperimentCase) -> Audited:
    """Directions and probes of any network of this form."""
    learned = Prompts.of(drawn(PAIRS, np.random.default_rng([case.seed, 23])))
    spaces = subspaces(states_of(net, learned), learned.declined)
    tests = Prompts.of(questions(case, PAIRS))
    states = states_of(net, tests)
    accuracies = spaces.accuracies(states, tests.declined)
    far = learned.take(learned.declined.nonzero()[:, 0])
    left = [declines(net, far, removed(spaces.directions[at], at)) for at in range(1, LAYERS + 1)]
    return Audited(
        net, spaces, tests, states, accuracies, first_accurate(accuracies),
        1 + int(np.argmin(left)),
    )  # fmt: skip


def causes(one: Audited, seed: int) -> dict[str, list[float]]:
    """By layer from 1 on: declines of questions to be declined, and of those to be answered.

    Of the first with the direction removed, or a random one; of the second with the direction
    added, as much of it as the means lie apart, or a random one of the same length. What random
    ones do is the mean of several.
    """
    net, spaces = one.net, one.spaces
    others = [random_direction(1000 * seed + at, WIDTH) for at in range(CONTROLS)]
    found: dict[str, list[float]] = {name: [] for name in CAUSES}
    for at in range(1, LAYERS + 1):
        size, own = float(spaces.gaps[at]), spaces.directions[at]
        for name in CAUSES:
            tried = others if name in (REMOVED_RANDOM, ADDED_RANDOM) else [own]
            far = name in CAUSES[:2]
            edits = [removed(v, at) if far else added(v, at, size) for v in tried]
            asked = one.far if far else one.near
            found[name].append(float(np.mean([declines(net, asked, edit) for edit in edits])))
    return found


REMOVED, REMOVED_RANDOM = "direction removed", "random direction removed"
ADDED, ADDED_RANDOM = "direction added", "random direction added"
CAUSES = (REMOVED, REMOVED_RANDOM, ADDED, ADDED_RANDOM)


@torch.no_grad()
def shuffled_accuracy(one: Audited, case: ExperimentCase) -> float:
    """Of a probe of the last layer that learned from shuffled labels, on the tests."""
    random = np.random.default_rng([case.seed, 31])
    learned = Prompts.of(drawn(PAIRS, np.random.default_rng([case.seed, 23])))
    labels = learned.declined[torch.from_numpy(random.permutation(len(learned)))]
    spaces = subspaces(states_of(one.net, learned)[-1:], labels)
    return spaces.accuracies(one.states[-1:], one.tests.declined)[0]
