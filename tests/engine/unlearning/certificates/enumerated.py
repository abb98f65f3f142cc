"""Every election of a few networks and three classes, and what poisons can really do to each.

An election is a place in a cube with an axis for each network and an entry for each of its six
ballots. Buckets reach some networks, whose ballots may become any others: so an outcome is safe
from them exactly where it is the same all along their axes.
"""

from __future__ import annotations

from functools import cache, reduce
from itertools import combinations, permutations

import numpy as np

from engine.unlearning.certificates.election import hold

ORDERS = np.array(list(permutations(range(3))), np.uint8)  # ballots: the place of each class


@cache
def every(networks):
    """The ballots of every election, (networks, 6 ** networks, 3)."""
    places = np.indices((len(ORDERS),) * networks).reshape(networks, -1)
    return ORDERS[places]


def outcomes(networks, *, run_off):
    """Who is elected in each, as the cube."""
    election = hold(every(networks))
    winner = election.winner if run_off else election.first
    return winner.reshape((len(ORDERS),) * networks)


def truth(networks, reach, *, run_off):
    """How many buckets cannot change each election, whichever they are, (elections,)."""
    says = outcomes(networks, run_off=run_off)
    safe = np.full(says.shape, len(reach))
    for poisons in range(len(reach), 0, -1):
        for buckets in combinations(range(len(reach)), poisons):
            axes = tuple(sorted(reduce(set.union, (set(reach[bucket]) for bucket in buckets))))
            same = says.min(axes, keepdims=True) == says.max(axes, keepdims=True)
            safe = np.where(same, safe, poisons - 1)
    return safe.ravel()
