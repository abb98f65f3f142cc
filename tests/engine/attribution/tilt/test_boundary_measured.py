"""Tilt and test error over draws of the training images; the figures stand in docs/measured.md.

Another seed learns another four fifths of the training images. The sheet's claim: the test error
is lowest at an intermediate λ.
"""

import numpy as np
import pytest

from engine import data as data_sets
from engine.attribution.tilt import TiltedBoundary
from engine.attribution.tilt.boundary import STRENGTHS
from engine.attribution.tilt.linear import LEARNERS
from engine.experiment import OUTCOMES, ExperimentCase, decided
from engine.run import answer

SEEDS = 5
PAIRS = ((2, 3), (3, 8), (1, 7))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("name", ["digits", "mnist-5k"])
@pytest.mark.parametrize("pair", PAIRS)
def test_where_the_test_error_is_lowest(name, pair, measure):
    method, data = TiltedBoundary(*pair, share=80), data_sets.load(name)
    tables = [answer(method, ExperimentCase(data, seed))["classifiers"] for seed in range(SEEDS)]
    count = len(STRENGTHS)
    for number, learner in enumerate(LEARNERS):
        rows = slice(number * count, (number + 1) * count)
        wrong, angles = (
            np.array([of(table)[rows] for table in tables])
            for of in (lambda table: 1 - table["right, held out"], lambda table: table["angle"])
        )
        mean, best = wrong.mean(0), int(wrong.mean(0).argmin())
        where = f"attribution: TiltedBoundary, {name}, {pair[0]} and {pair[1]}, {learner}"
        where += f", {SEEDS} seeds"
        measure(
            where,
            "; ".join(
                f"λ = {STRENGTHS[at]:g}: {100 * mean[at]:.2f} ± "
                f"{100 * wrong[:, at].std(ddof=1):.2f} % "
                f"wrong, θ {angles[:, at].mean():.1f}°"
                for at in (0, best, count - 1)
            ),
        )
        margins = np.stack([wrong[:, 0] - wrong[:, best], wrong[:, -1] - wrong[:, best]], 1)
        outcomes, means, within = decided(margins)
        for end, outcome, gain, half in zip(
            ("the weakest", "the strongest"), outcomes, means, within, strict=True
        ):
            measure(
                f"{where}: fewer errors at an intermediate λ than at {end}",
                f"{OUTCOMES[int(outcome)]} here: {100 * gain:+.2f} ± {100 * half:.2f} points",
            )
        if learner == LEARNERS[0] and pair != (1, 7):
            assert 0 < best < count - 1
