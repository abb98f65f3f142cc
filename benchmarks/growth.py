"""How waits grow: the exponent b of seconds ∝ size^b, by a line through three or four sizes.

Each round measures all sizes, up and down in turn. The line is fitted to the logarithms with a
height of its own for each round, so that a round on a slower machine does not tilt it, and its
interval (Student's, 95 %) takes in both noise and whatever is not a power law. The goal is what the
algorithm itself needs, and a tenth.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from statistics import median
from threading import Barrier

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from benchmarks.familiar import many
from benchmarks.setting import case
from benchmarks.table import BenchmarkRow, number
from benchmarks.timing import Work, timed
from engine.anomaly import DataCase
from engine.attribution import IntegratedGradients, LiMA
from engine.core.errors import BlindspotError
from engine.evaluation.detection.extract import extracted
from engine.vision.case import ImageCase

ALLOWED = 0.1  # above the algorithm's own exponent


@dataclass(frozen=True)
class Growing:
    """Work that takes a size.

    Args:
        name: of the work.
        axis: what grows.
        sizes: three or more.
        order: the exponent that the algorithm itself needs.
    """

    name: str
    axis: str
    sizes: tuple[int, ...]
    order: float


def fit(sizes: Sequence[float], seconds: NDArray[np.float64]) -> tuple[float, float, float]:
    """The exponent of seconds (rounds, sizes) at those sizes, and the ends of its interval.

    Raises:
        BlindspotError: with fewer than three different sizes, which leave no interval.
    """
    if len(set(sizes)) < 3:
        raise BlindspotError("An exponent with its interval needs three different sizes or more.")
    x = np.log(np.asarray(sizes, np.float64))
    y = np.log(seconds)
    x, y = x - x.mean(), y - y.mean(axis=1, keepdims=True)
    squares = len(y) * float(x @ x)
    slope = float((y @ x).sum()) / squares
    free = y.size - len(y) - 1
    error = float(np.sqrt(((y - slope * x) ** 2).sum() / free / squares))
    half = float(stats.t.ppf(0.975, free)) * error
    return slope, slope - half, slope + half


def measured(work: Growing, workload: Callable[[int], Work], rounds: int) -> BenchmarkRow:
    """A row: the exponent, after one run of the smallest size that is not counted."""
    runs = {size: workload(size) for size in work.sizes}
    timed(runs[work.sizes[0]])
    seconds = np.empty((rounds, len(work.sizes)))
    for turn in range(rounds):
        for at in range(len(work.sizes))[:: -1 if turn % 2 else 1]:
            seconds[turn, at] = timed(runs[work.sizes[at]])
    return row(work, seconds)


def row(work: Growing, seconds: NDArray[np.float64]) -> BenchmarkRow:
    """The exponent of seconds (rounds, sizes), with the medians at both ends."""
    ends = [f"{number(median(seconds[:, at]))} s at {work.sizes[at]}" for at in (0, -1)]
    return BenchmarkRow(
        f"Growth of {work.name}: exponent by {work.axis}",
        *fit(work.sizes, seconds),
        "",
        most=work.order + ALLOWED,
        rounds=len(work.sizes) * len(seconds),
        note=f"{', '.join(ends)}; {len(work.sizes)} sizes, spread is the fit's 95 % interval",
    )


def by_side(side: int) -> Work:
    """Integrated gradients of a square image."""
    image = torch.nn.functional.interpolate(case().image[None], (side, side), mode="bilinear")[0]
    image_case = ImageCase(case().model, image, case().target)
    return partial(IntegratedGradients(steps=16), image_case)


def by_images(count: int) -> Work:
    """The features of so many images."""
    data_case = DataCase(case().model, many(count))
    return partial(extracted, data_case)


WORKS = (
    (Growing("Integrated gradients, 16 steps", "side", (128, 176, 240, 320), 2), by_side),
    (
        Growing("Integrated gradients", "steps", (16, 32, 64, 128), 1),
        lambda steps: partial(IntegratedGradients(steps=steps), case()),
    ),
    (
        Growing("LiMA, equal tiles", "regions", (16, 25, 49), 2),
        lambda regions: partial(LiMA(shape="grid", regions=regions), case()),
    ),
    (Growing("Feature bank", "images", (40, 80, 160, 320), 1), by_images),
)
VISITORS = Growing("First visits at once, Heatmaps", "visitors", (2, 5, 10, 20), 1)


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """Side, steps, regions, data size, visitors; three rounds at most, as they are long."""
    few = min(rounds, 3)
    yield from (measured(work, workload, few) for work, workload in WORKS)
    yield visitors(few)


def visitors(rounds: int) -> BenchmarkRow:
    """The median wait of visitors without a browser who come to a warm server at one moment."""
    from benchmarks.first_visits import first_run
    from components.views import HEATMAPS
    from tests.browser.server import ROOT, serving

    seconds = np.empty((rounds, len(VISITORS.sizes)))
    with serving(ROOT / "app.py") as url:
        first_run(url, HEATMAPS, Barrier(1))[0].close()
        for turn in range(rounds):
            for at, count in enumerate(VISITORS.sizes):
                start = Barrier(count)
                with ThreadPoolExecutor(count) as pool:
                    client_runs = [
                        pool.submit(first_run, url, HEATMAPS, start) for _ in range(count)
                    ]
                seconds[turn, at] = median(future.result()[1] for future in client_runs)
                for client_run in client_runs:
                    client_run.result()[0].close()
    return row(VISITORS, seconds)
