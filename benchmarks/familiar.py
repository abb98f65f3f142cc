"""The bank of features against its own forward passes, and nine scores of one image."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

import numpy as np

from benchmarks.setting import case, forwards
from benchmarks.table import BenchmarkRow
from benchmarks.timing import paired
from engine.anomaly import DataCase, FamiliarCase
from engine.anomaly.detectors.quick import QUICK
from engine.anomaly.extract import extracted
from engine.anomaly.gather import Gathered, gathered
from engine.anomaly.photographs import photographs
from engine.data import DataSet

GOAL = 0.90
IMAGES = 1000
BUDGET = 50.0  # ms of nine scores


def many(count: int) -> DataSet:
    """The shipped photographs over and over."""
    few = photographs()
    images = few.images[np.arange(count) % len(few)]
    nothing = np.zeros(count, np.int64)
    return DataSet(
        "many", few.card, few.classes, images, nothing, np.arange(count), nothing.astype(np.uint8)
    )


def seconds_to_score(banks: Gathered) -> float:
    """Seconds that the quick detectors take for the image once fitted and looked at."""
    rules = [kind().fitted(banks.fit).rule for kind in QUICK]
    start = perf_counter()
    for rule in rules:
        rule(banks.subject.take(np.array([0])))
    return perf_counter() - start


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """Forward efficiency of the bank, and the milliseconds of nine scores."""
    asked = DataCase(case().model, many(IMAGES))
    yield paired(
        f"Feature bank of {IMAGES} images, exact",
        lambda: extracted(asked),
        lambda: forwards(IMAGES),
        "its own forwards",
        GOAL,
        rounds,
        f"{IMAGES} forwards",
    )
    banks = gathered(FamiliarCase(case().model, case().image, photographs()))
    seconds_to_score(banks)
    taken = [1000 * seconds_to_score(banks) for _ in range(rounds * 4)]
    yield BenchmarkRow.of(
        "Nine scores of one image after its features",
        taken,
        "ms",
        most=BUDGET,
        note="ODIN apart",
    )
