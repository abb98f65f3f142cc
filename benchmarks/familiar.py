"""The bank of features against its own forward passes, nine scores of an image, pytorch-ood."""

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import numpy as np
import torch

from benchmarks.setting import case, forwards
from benchmarks.table import BenchmarkRow
from benchmarks.timing import paired
from engine.anomaly import KNN, DataCase, FamiliarCase, Mahalanobis, ViM
from engine.anomaly.detectors.quick import QUICK
from engine.evaluation.detection.extract import extracted
from engine.evaluation.detection.gather import Gathered, gathered
from engine.evaluation.detection.photographs import photographs
from engine.vision.data import DataSet
from engine.vision.models.threads import one_thread
from tests.engine.anomaly.banks import digits

GOAL = 0.90
IMAGES = 1000
BUDGET = 50.0  # ms of nine scores


def many(count: int) -> DataSet:
    """The shipped photographs over and over."""
    shipped = photographs()
    images = shipped.images[np.arange(count) % len(shipped)]
    zeros = np.zeros(count, np.int64)
    return DataSet(
        "many",
        shipped.card,
        shipped.classes,
        images,
        zeros,
        np.arange(count),
        zeros.astype(np.uint8),
    )


def seconds_to_score(banks: Gathered) -> float:
    """Seconds that the quick detectors take for the image once fitted and looked at."""
    rules = [kind().fitted(banks.fit).rule for kind in QUICK]
    start = perf_counter()
    for rule in rules:
        rule(banks.subject.take(np.array([0])))
    return perf_counter() - start


def against_pytorch_ood(rounds: int) -> Iterator[BenchmarkRow]:
    """Fit and scores of three detectors on the same features of digits, on one thread."""
    try:
        from pytorch_ood import detector
    except ImportError:
        yield BenchmarkRow.not_measured("Against pytorch-ood", "pytorch-ood is not installed")
        return
    from threadpoolctl import threadpool_limits

    train, known, _ = digits(0)
    weight, bias, z, queries = (
        torch.tensor(array, dtype=torch.float32)
        for array in (train.head.weight, train.head.bias, train.features, known.features)
    )
    y = torch.from_numpy(train.labels)

    def theirs(factory: Callable[[], Any]) -> object:
        fitted = factory()
        fitted.fit_features(z, y)
        return fitted.predict_features(queries)

    with threadpool_limits(1), one_thread():
        for kind, build in (
            (KNN, lambda: detector.KNN(None, k=10)),
            (ViM, lambda: detector.ViM(None, 32, weight, bias)),
            (Mahalanobis, lambda: detector.Mahalanobis(None)),
        ):
            yield paired(
                f"{kind.title}: fit to {len(z)} digits, scores of {len(queries)}",
                lambda k=kind: k().fit(train).rule(known),
                lambda m=build: theirs(m),
                "pytorch-ood on the same features",
                1.0,
                3 * rounds,
            )


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """Forward efficiency of the bank, and the milliseconds of nine scores."""
    data_case = DataCase(case().model, many(IMAGES))
    yield paired(
        f"Feature bank of {IMAGES} images, exact",
        lambda: extracted(data_case),
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
        "Nine scores of one image after its features", taken, "ms", most=BUDGET, note="ODIN apart"
    )
    yield from against_pytorch_ood(rounds)
