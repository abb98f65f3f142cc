"""Two rounds of voting: each network's ballot is the order in which it puts the classes.

Equal counts and equal scores always go to the class with the smaller number, so that every ballot
is a strict order and every count has one outcome.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ballots = NDArray[np.uint8]  # (networks, images, classes): the place of each class, 0 the first
Whole = NDArray[np.int64]
MOST_CLASSES = 256  # that ballots have places for


def ballots_of(scores: NDArray[Any]) -> Ballots:
    """The ballots of scores (networks, images, classes), of at most MOST_CLASSES classes."""
    # stable, so that equal scores keep the order of the classes
    order = np.argsort(-scores, axis=-1, kind="stable")
    # the order of an order is its inverse: the place of each class
    return np.argsort(order, axis=-1).astype(np.uint8)


def preferring(ballots: Ballots, classes: Whole) -> Whole:
    """How many networks put each image's class above each other one, (images, classes)."""
    class_ballots = np.take_along_axis(ballots, classes[None, :, None], 2)
    preferred_counts: Whole = (class_ballots < ballots).sum(0, dtype=np.int64)
    return preferred_counts


@dataclass(frozen=True)
class Election:
    """What came out of both rounds.

    Args:
        networks: how many vote.
        votes: of the first round, (images, classes).
        first, second: the two classes with the most votes, (images,) each.
        winner, loser: the same two after the run-off.
        ahead: of the winner: how many more networks put it above a class than below, (images,
            classes); of no meaning for the winner itself.
    """

    networks: int
    votes: Whole
    first: Whole
    second: Whole
    winner: Whole
    loser: Whole
    ahead: Whole


def hold(ballots: Ballots) -> Election:
    """Count the ballots: the two classes that are first most often meet in a run-off."""
    networks, images, classes = ballots.shape
    first_choices = ballots.argmin(2)
    cells = first_choices + classes * np.arange(images)
    votes = np.bincount(cells.ravel(), minlength=images * classes).reshape(images, classes)
    first = votes.argmax(1)
    others = votes.copy()
    others[np.arange(images), first] = -1
    second = others.argmax(1)
    rows = np.arange(images)
    # above − below: ballots are strict orders, so that every network is one or the other
    margin = 2 * preferring(ballots, first)[rows, second] - networks
    first_wins = (margin > 0) | ((margin == 0) & (first < second))
    winner, loser = np.where(first_wins, (first, second), (second, first))
    ahead = 2 * preferring(ballots, winner) - networks
    return Election(networks, votes, first, second, winner, loser, ahead)
