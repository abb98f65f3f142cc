"""How many poisons cannot change an election: DPA, FA, and both with a run-off (ROE).

Rezaei et al., "Run-Off Election" (2023), https://arxiv.org/abs/2302.02300; of one round: Levine and
Feizi (2021), https://arxiv.org/abs/2006.14768, and Wang et al. (2022),
https://arxiv.org/abs/2202.02628. A gap is how many votes a class must gain on another one to come
before it; equal counts go to the smaller number, hence the `later` in every gap.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from engine.unlearning.roe.election import Ballots, Election, Whole, hold

DPA, ROE, FA, FA_ROE = SCHEMES = ("DPA", "DPA + ROE", "FA", "FA + ROE")
NEVER = 1 << 30  # poisons: no number of them does it
IMAGES = 256  # whose gaps are counted at once

Reached = NDArray[np.int8]  # (images, classes, buckets), or of one class


@dataclass(frozen=True)
class Certified:
    """Certificates of some images, (images,) each.

    Args:
        says: the class that is elected.
        radius: so many poisons cannot change it.
        rival: a class that wins first, if more poisons do change it.
        lost: the round in which it does, 1 or 2.
    """

    says: Whole
    radius: Whole
    rival: Whole
    lost: Whole


def certify(scheme: str, ballots: Ballots, shifts: tuple[int, ...] = ()) -> Certified:
    """Certificates by the scheme's name; `shifts` say which networks a bucket reaches in FA."""
    if scheme in {DPA, ROE}:
        election = hold(ballots)
        return dpa(election) if scheme == DPA else dpa_roe(election)
    parts = [
        one_part(scheme, ballots[:, at : at + IMAGES], shifts)
        for at in range(0, ballots.shape[1], IMAGES)
    ]
    fields = ("says", "radius", "rival", "lost")
    return Certified(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


def dpa(election: Election) -> Certified:
    """One round: half of the smallest gap."""
    needed = halved(gaps(election.votes, election.first))
    return narrowest(election.first, needed, np.full_like(needed, NEVER))


def dpa_roe(election: Election) -> Certified:
    """Two rounds: the winner drops out of the first two, or is beaten in the run-off."""
    winner, loser = election.winner, election.loser
    # the run-off's winner may have fewer first votes than the loser: a gap below 0 is closed
    vote_gaps = np.clip(gaps(election.votes, winner), 0, None)
    out_of_runoff = np.full(vote_gaps.shape, NEVER)
    if vote_gaps.shape[1] > 2:
        # R1: the winner leaves the first two only if two classes pass it; the table grows with
        # either gap, so that the two smallest gaps give the minimum over all pairs
        order = np.argsort(vote_gaps, axis=1, kind="stable")[:, :2]
        first, second = np.take_along_axis(vote_gaps, order, 1).T
        pair = shared_poisons(election.networks)[first, second]
        np.put_along_axis(out_of_runoff, order[:, :1], pair[:, None], 1)
    # R2: a class must first take the loser's place in the run-off, and then win it
    reach = halved(gaps(election.votes, loser))
    # the loser is there already
    np.put_along_axis(reach, loser[:, None], 0, 1)
    lost_runoff = np.maximum(reach, halved(ahead_of(election)))
    return narrowest(winner, out_of_runoff, lost_runoff)


def one_part(scheme: str, ballots: Ballots, shifts: tuple[int, ...]) -> Certified:
    """FA or FA + ROE of few images."""
    election = hold(ballots)
    chosen = reached(ballots.transpose(1, 2, 0) == 0, shifts)
    if scheme == FA:
        needed = singles(election, chosen, election.first, len(shifts))
        return narrowest(election.first, needed, np.full_like(needed, NEVER))
    winner, loser = election.winner, election.loser
    winner_needed = singles(election, chosen, winner, len(shifts))
    reach = singles(election, chosen, loser, len(shifts))
    np.put_along_axis(reach, loser[:, None], 0, 1)
    winner_ballots = np.take_along_axis(ballots, winner[None, :, None], 2)
    # a network that already puts the class above the winner has nothing left to give
    prefers_winner = (winner_ballots < ballots).transpose(1, 2, 0)  # (images, classes, networks)
    # turning one preference round moves the run-off's margin by 2
    lost_runoff = np.maximum(reach, greedy(ahead_of(election), 2 * reached(prefers_winner, shifts)))
    out_of_runoff = pair_costs(election, chosen, winner_needed, len(shifts), lost_runoff.min(1))
    return narrowest(winner, out_of_runoff, lost_runoff)


def singles(election: Election, chosen: Reached, own: Whole, spread: int) -> Whole:
    """How many poisoned buckets let each class come before `own` in the first round of FA.

    Args:
        election: what came out.
        chosen: how many networks of a bucket put a class first.
        own: the class of each image.
        spread: how many networks a bucket reaches.
    """
    # each network of a bucket gives at most 1 + [votes for own] − [votes for the class]
    own_reached = np.take_along_axis(chosen, own[:, None, None], 1)
    return greedy(gaps(election.votes, own), spread + own_reached - chosen)


def pair_costs(
    election: Election, chosen: Reached, class_costs: Whole, spread: int, upper_bounds: Whole
) -> Whole:
    """How many buckets let a class and any other one both come before the winner, by class.

    Only the fewest of an image counts, so a pair is looked at where it could need no more than
    `upper_bounds`, which the second round needs, or than a pair before it: by its classes alone,
    and by the 3 votes that each network which a bucket reaches can move at most.
    """
    # not cut at 0: a class that is ahead asks for less, so that the bound stays a lower one
    winner_gaps = gaps(election.votes, election.winner)
    # towards both at once: 1 + 2 [votes for the winner] − [for the first] − [for the second]
    winner_power = spread + 2 * np.take_along_axis(chosen, election.winner[:, None, None], 1)[:, 0]
    result, lowest = np.full(class_costs.shape, NEVER), upper_bounds.copy()
    for first, second in combinations(range(class_costs.shape[1]), 2):
        # closing both takes at least what each takes alone
        alone = np.maximum(class_costs[:, first], class_costs[:, second])  # NEVER for the winner
        gap = winner_gaps[:, first] + winner_gaps[:, second]
        (rows,) = np.nonzero((alone <= lowest) & (gap <= lowest * (3 * spread)))
        if not len(rows):
            continue
        power = winner_power[rows] - chosen[rows, first] - chosen[rows, second]
        joint_cost = greedy(gap[rows], power)
        needed = np.maximum(alone[rows], joint_cost)
        result[rows, first] = np.minimum(result[rows, first], needed)
        lowest[rows] = np.minimum(lowest[rows], needed)
    return result


def gaps(votes: Whole, own: Whole) -> Whole:
    """Votes that each class must gain on `own`; NEVER for itself."""
    result: Whole = np.take_along_axis(votes, own[:, None], 1) - votes + later(votes.shape[1], own)
    np.put_along_axis(result, own[:, None], NEVER, 1)
    return result


def ahead_of(election: Election) -> Whole:
    """The same in a run-off against the winner."""
    result: Whole = election.ahead + later(election.votes.shape[1], election.winner)
    np.put_along_axis(result, election.winner[:, None], NEVER, 1)
    return result


def later(classes: int, own: Whole) -> NDArray[np.bool_]:
    """Whether a class has a larger number than `own`, and so loses where both are equal."""
    return np.arange(classes) > own[:, None]


def halved(gap: Whole) -> Whole:
    """Poisons that close a gap where each changes one ballot, which moves it by two."""
    # rounded up: half a poison closes nothing
    needed: Whole = (np.maximum(gap, 0) + 1) // 2
    return needed


@lru_cache(maxsize=8)
def shared_poisons(networks: int) -> Whole:
    """Poisons that close two gaps at once, by the gaps: each moves one by two, the other by one."""
    size = networks + 2
    table = np.zeros((size, size), np.int64)
    for index in range(size):
        for other in range(size):
            # the smaller gap is closed on the way: A(i, j) of the paper's code
            if min(index, other) <= 1:
                table[index, other] = (max(index, other) + 1) // 2
            else:
                table[index, other] = 1 + min(
                    table[index - 2, other - 1], table[index - 1, other - 2]
                )
    return table


def reached(ballots: NDArray[np.bool_], shifts: tuple[int, ...]) -> Reached:
    """Of how many networks that a bucket reaches it is true: (…, networks) to (…, buckets)."""
    result = np.zeros(ballots.shape, np.int8)
    for shift in shifts:
        # bucket b reaches network b + shift: the roll brings that one to place b
        result += np.roll(ballots, -shift, axis=-1)
    return result


def greedy(gap: Whole, power: Reached) -> Whole:
    """The fewest buckets whose powers add up to the gap, the strongest first; NEVER if all do not.

    Powers are small whole numbers, so that counting them is faster than sorting.
    """
    remaining = np.maximum(gap, 0)
    result, largest_power = np.zeros_like(remaining), int(power.max(initial=0))
    # no power is below 0: a network has one first vote, so that what is subtracted is at most 1
    cells = np.arange(remaining.size).reshape(*remaining.shape, 1) * (largest_power + 1) + power
    power_counts = np.bincount(cells.ravel(), minlength=remaining.size * (largest_power + 1))
    power_counts = power_counts.reshape(*remaining.shape, largest_power + 1)
    for index in range(largest_power, 0, -1):
        taken = np.minimum(power_counts[..., index], -(-remaining // index))
        result += taken
        remaining = np.maximum(remaining - taken * index, 0)
    # greedy is least: of all sets of so many buckets the strongest ones add up to most
    return np.where(remaining > 0, NEVER, result)


def narrowest(says: Whole, first: Whole, second: Whole) -> Certified:
    """The certificate: one less than the fewest poisons, over rounds and rivals."""
    rows = np.arange(len(says))
    needed = np.minimum(first, second)
    rival = needed.argmin(1)
    lost = np.where(first[rows, rival] <= second[rows, rival], 1, 2)
    # "needed" poisons change it, one less cannot
    return Certified(says, needed[rows, rival] - 1, rival, lost)
