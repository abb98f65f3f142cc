"""The published programs' rules, written again as loops over one image's scores; every election.

An election is a place in a cube with an axis for each network and an entry for each of its six
ballots. Buckets reach some networks, whose ballots may become any others: so an outcome is safe
from them exactly where it is the same all along their axes.
"""

from functools import cache, reduce
from itertools import combinations, permutations

import numpy as np

from engine.unlearning.roe.election import hold


def first(scores, one, other):
    """Whether a network puts one class above the other; equal scores go to the smaller number."""
    return scores[one] > scores[other] or (scores[one] == scores[other] and one < other)


def elected(scores):
    """Votes, the two classes that are first most often, and who wins the run-off."""
    classes = range(scores.shape[1])
    votes = [
        sum(max(classes, key=lambda c: (s[c], -c)) == label for s in scores) for label in classes
    ]
    top, second = sorted(classes, key=lambda label: (-votes[label], label))[:2]
    for_top = sum(first(s, top, second) for s in scores)
    wins = 2 * for_top > len(scores) or (2 * for_top == len(scores) and top < second)
    return votes, top, second, top if wins else second


def half(gap):
    return (max(gap, 0) + 1) // 2


@cache
def at_once(gap, other):
    """Poisons that close both gaps, each moving one by two and the other by one."""
    if gap <= 0 and other <= 0:
        return 0
    if max(gap, 0) <= 1 or max(other, 0) <= 1:
        return half(max(gap, other))
    return 1 + min(at_once(gap - 2, other - 1), at_once(gap - 1, other - 2))


def fewest(gap, powers):
    """The greedy count: the largest powers first."""
    count = 0
    for power in sorted(powers, reverse=True):
        if gap <= 0:
            return count
        gap -= power
        count += 1
    return count if gap <= 0 else len(powers) + 1


def radius(scores, scheme, shifts=(0,)):
    """What is said of one image, and how many poisons cannot change it.

    Args:
        scores: (networks, classes).
        scheme: as the engine names it.
        shifts: which networks a bucket reaches.
    """
    networks, classes = scores.shape
    votes, top, second, winner = elected(scores)
    vote = [max(range(classes), key=lambda c: (s[c], -c)) for s in scores]
    says = winner if "ROE" in scheme else top
    loser = second if says == top else top
    others = [index for index in range(classes) if index != says]

    def gap(own, other):
        return votes[own] - votes[other] + (other > own)

    def ahead(other):
        return 2 * sum(first(s, says, other) for s in scores) - networks + (other > says)

    def powers(of):
        return [sum(of((b + shift) % networks) for shift in shifts) for b in range(networks)]

    def one_round(own, other):
        if "FA" not in scheme:
            return half(gap(own, other))
        if own == other:
            return 0
        return fewest(gap(own, other), powers(lambda i: 1 + (vote[i] == own) - (vote[i] == other)))

    def duel(other):
        if "FA" not in scheme:
            return half(ahead(other))
        return fewest(ahead(other), powers(lambda i: 2 * first(scores[i], says, other)))

    def out(one, other):
        if "FA" not in scheme:
            return at_once(gap(says, one), gap(says, other))
        both = powers(lambda i: 1 + 2 * (vote[i] == says) - (vote[i] == one) - (vote[i] == other))
        together = fewest(gap(says, one) + gap(says, other), both)
        return max(one_round(says, one), one_round(says, other), together)

    if "ROE" not in scheme:
        return says, min(one_round(says, other) for other in others) - 1
    rounds = [out(*pair) for pair in permutations(others, 2)]
    rounds += [
        max(0 if other == loser else one_round(loser, other), duel(other)) for other in others
    ]
    return says, min(rounds) - 1


def all_radii(scores, scheme, shifts=(0,)):
    """Of every image of scores (networks, images, classes), (images, 2)."""
    return np.array(
        [radius(image_scores, scheme, shifts) for image_scores in scores.transpose(1, 0, 2)]
    )


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
