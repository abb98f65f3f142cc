"""Certificates from ballots: images a second, against a plain loop over images and rivals."""

from collections.abc import Iterator
from functools import partial
from itertools import combinations

import numpy as np

from benchmarks.table import BenchmarkRow
from benchmarks.timing import paired, within
from engine.unlearning.roe.bounds import DPA, FA, FA_ROE, ROE, SCHEMES, certify, shared_poisons
from engine.unlearning.roe.election import Ballots, ballots_of
from engine.unlearning.roe.partitions import Partitions

PARTS, CLASSES, IMAGES = 50, 10, 10_000
FEW = 1000  # images of the plain loop
GOAL = 10_000  # images a second
SPREAD = {DPA: 1, ROE: 1, FA: 4, FA_ROE: 4}


def drawn(networks: int, images: int) -> Ballots:
    """Ballots of networks that are right about half of the time."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(networks, images, CLASSES)).astype(np.float32)
    scores[:, np.arange(images), np.arange(images) % CLASSES] += 1.5
    return ballots_of(scores)


def plain(ballots: Ballots) -> list[int]:
    """DPA + ROE as a loop over images, classes and pairs of rivals, as a script would do it."""
    table, result = shared_poisons(len(ballots)), []
    for pair_votes in ballots.transpose(1, 0, 2):
        votes = [int((pair_votes[:, c] == 0).sum()) for c in range(CLASSES)]
        first, second = sorted(range(CLASSES), key=lambda c: (-votes[c], c))[:2]
        margin = 2 * int((pair_votes[:, first] < pair_votes[:, second]).sum()) - len(pair_votes)
        first_wins = margin > 0 or (margin == 0 and first < second)
        winner, loser = (first, second) if first_wins else (second, first)
        others = [c for c in range(CLASSES) if c != winner]
        gap = {c: max(votes[winner] - votes[c] + (c > winner), 0) for c in others}
        needed = [int(table[gap[a], gap[b]]) for a, b in combinations(others, 2)]
        for c in others:
            reach = max(votes[loser] - votes[c] + (c > loser), 0)
            ahead = (
                2 * int((pair_votes[:, winner] < pair_votes[:, c]).sum())
                - len(pair_votes)
                + (c > winner)
            )
            needed.append(max(0 if c == loser else (reach + 1) // 2, (max(ahead, 0) + 1) // 2))
        result.append(min(needed) - 1)
    return result


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """The same certificates, and how many a second."""
    few = drawn(PARTS, FEW)
    same = certify(ROE, few).radius.tolist() == plain(few)
    yield paired(
        f"{ROE} of {FEW} images, {PARTS} networks",
        lambda: certify(ROE, few),
        lambda: plain(few),
        "a loop over images",
        10.0,
        rounds,
        "the same numbers" if same else "OTHER NUMBERS",
    )
    for scheme in SCHEMES:
        partitions = Partitions(PARTS, SPREAD[scheme])
        ballots = drawn(partitions.networks, IMAGES)
        yield within(
            f"{scheme} of {IMAGES:,} images, {partitions.networks} networks",
            partial(certify, scheme, ballots, partitions.shifts),
            IMAGES / GOAL,
            rounds,
        )
