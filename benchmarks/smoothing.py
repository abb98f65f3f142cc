"""The curve from accurate to robust: nine mixtures of two networks that ship, each attacked anew.

Only the figures of fixed α are timed, on as many test images as the experiment takes by itself. It
trains networks of other seeds, teaches a mixing network and makes certificates as well.
"""

from collections.abc import Iterator
from functools import partial

from benchmarks.table import BenchmarkRow
from benchmarks.timing import within
from engine.attribution.adasmooth.claims import ALPHAS
from engine.attribution.adasmooth.experiment import (
    NETWORKS,
    AdaptiveSmoothing,
    forget_attacked,
    shipped_networks,
)
from engine.attribution.adasmooth.mixture import Mixture
from engine.evaluation.experiment import ExperimentCase
from engine.vision import data as data_sets

GOAL = 60.0  # seconds


def curve(method: AdaptiveSmoothing, case: ExperimentCase) -> list[dict[str, float]]:
    """The figures of each α, with every image attacked anew."""
    forget_attacked()
    normal, robust = shipped_networks(case.data)
    mixtures = (Mixture(normal, robust, alpha, method.scales) for alpha in ALPHAS)
    return [dict(method.measured(mixture, case)) for mixture in mixtures]


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """Seconds of the curve on digits and on MNIST."""
    method = AdaptiveSmoothing()
    for name in sorted(NETWORKS):
        case = ExperimentCase(data_sets.load(name))
        yield within(
            f"Adaptive smoothing, {name}: {len(ALPHAS)} values of α, {method.images} images",
            partial(curve, method, case),
            GOAL,
            rounds,
            note=f"4 attacks of {method.steps} steps on each, and on both networks",
        )
