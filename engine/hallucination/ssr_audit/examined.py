"""What is known of a model's states before it is rerouted, and what edits of them change."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
from torch import Tensor

from engine.hallucination.ssr_audit.directions import (
    Subspaces,
    add_direction,
    first_accurate,
    random_direction,
    removed,
)
from engine.hallucination.ssr_audit.network import Edit

CONTROLS = 5  # random directions
ALARMS = 0.05  # of answered questions that the monitor may stop
REMOVED, REMOVED_RANDOM = "direction removed", "random direction removed"
ADDED, ADDED_RANDOM = "direction added", "random direction added"
CAUSES = (REMOVED, REMOVED_RANDOM, ADDED, ADDED_RANDOM)
AT_WORD, AT_END, SHUFFLED = "probe, embedding", "probe, last layer", "probe, shuffled labels"
PROBES = (AT_WORD, AT_END, SHUFFLED)


class Questions(Protocol):
    """Questions, some of which a model declines."""

    @property
    def declined(self) -> Tensor:
        """Which are, (N,) bool."""

    def take(self, rows: Tensor) -> Self:
        """Those of some rows."""


Q = TypeVar("Q", bound=Questions)
Declines = Callable[[Q, Edit], float]  # the share that is declined with an edit of the states


@dataclass(frozen=True, eq=False)
class Examined(Generic[Q]):
    """What is known of a model before it is rerouted.

    Args:
        spaces: directions and probes, learned from other questions.
        tests: the questions that neither learned from.
        states: of those, (1 + L, N, d).
        best: the layer at which removing and adding the direction change most, told from the
            questions that it was learned from.
    """

    spaces: Subspaces
    tests: Q
    states: Tensor
    best: int

    @property
    def accuracies(self) -> list[float]:
        """Of each layer's probe on the tests, the embedding's first."""
        return self.spaces.accuracies(self.states, self.tests.declined)

    @property
    def middle(self) -> int:
        """The first layer whose probe is accurate."""
        return first_accurate(self.accuracies)

    @property
    def far(self) -> Q:
        """The tests that are to be declined."""
        return self.tests.take(self.tests.declined.nonzero()[:, 0])

    @property
    def near(self) -> Q:
        """The tests that are to be answered."""
        return self.tests.take((~self.tests.declined).nonzero()[:, 0])

    def stopped(self, states: Tensor) -> Tensor:
        """Which states of the last layer (N, d) a monitor stops, (N,) bool: that layer's probe.

        Its threshold lets 95 % of the answered tests pass.
        """
        last = len(self.states) - 1
        # odds are those of an answer: the lowest 5 % of what is answered are false alarms
        answered_odds = self.spaces.odds(self.states[-1], last)[~self.tests.declined]
        return self.spaces.odds(states, last) < answered_odds.cpu().quantile(ALARMS).item()


def most_changed(spaces: Subspaces, questions: Q, declines: Declines[Q]) -> int:
    """The layer, from 1 on, at which both edits do most: the one that does less there decides."""
    declined_questions, answered_questions = (
        questions.take(mask.nonzero()[:, 0]) for mask in (questions.declined, ~questions.declined)
    )
    changed = []
    for at, direction in enumerate(spaces.directions[1:], 1):
        answered_share = 1 - declines(declined_questions, removed(direction, at))
        changed.append(
            min(
                answered_share,
                declines(answered_questions, add_direction(direction, at, float(spaces.gaps[at]))),
            )
        )
    return 1 + int(np.argmax(changed))


def causes(examination: Examined[Q], declines: Declines[Q], seed: int) -> dict[str, list[float]]:
    """By layer from 1 on: declines of questions to be declined, and of those to be answered.

    Of the first with the direction removed, or a random one; of the second with the direction
    added, as much of it as the means lie apart, or a random one of the same length. What random
    ones do is the mean of several.
    """
    spaces, states = examination.spaces, examination.states
    seeds = range(1000 * seed, 1000 * seed + CONTROLS)
    random_directions = [random_direction(at, states.shape[2]).to(states) for at in seeds]
    results: dict[str, list[float]] = {name: [] for name in CAUSES}
    for at in range(1, len(states)):
        size, direction = float(spaces.gaps[at]), spaces.directions[at]
        for name in CAUSES:
            directions = (
                random_directions if name in (REMOVED_RANDOM, ADDED_RANDOM) else [direction]
            )
            is_removal = name in CAUSES[:2]
            edits = [
                removed(v, at) if is_removal else add_direction(v, at, size) for v in directions
            ]
            questions = examination.far if is_removal else examination.near
            results[name].append(float(np.mean([declines(questions, edit) for edit in edits])))
    return results
