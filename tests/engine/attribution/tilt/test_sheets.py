"""Two Gaussian clouds: errors by formula and counted; tilt and error over draws of digits."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from engine.attribution.tilt import TiltedBoundary, TiltedSheets
from engine.attribution.tilt.boundary import STRENGTHS
from engine.attribution.tilt.geometry import gaussian_error
from engine.attribution.tilt.linear import LEARNERS
from engine.attribution.tilt.sheets import DISTANCE, DRAWS, EXAMPLE, MIRROR
from engine.core.run import answer
from engine.evaluation.experiment import OUTCOMES, ExperimentCase, decided
from engine.vision import data as data_sets


def case(seed=0):
    return ExperimentCase(data_sets.load("digits"), seed)


@pytest.mark.parametrize("tilt", [0.0, 30.0, 60.0, 80.0, 89.0])
@pytest.mark.parametrize("sheets", [(0.0, 0.0), (0.2, 0.0), (1.0, 0.0), (0.5, 0.8)])
def test_the_counted_error_is_that_of_the_formula_within_three_standard_errors(tilt, sheets):
    (height, correlation), tangent = sheets, np.tan(np.radians(tilt))
    for seed in range(3):
        method = TiltedSheets(tilt=tilt, height=height, correlation=correlation)
        numbers = method(case(seed))["numbers"]
        variance = 1 + height**2 * tangent**2 - 2 * correlation * height * tangent
        expected = norm.cdf(-DISTANCE / (2 * np.sqrt(variance)))
        assert numbers["error"][0] == pytest.approx(expected, rel=1e-9)
        within = 3 * np.sqrt(expected * (1 - expected) / DRAWS)
        assert numbers["counted error"][0] == pytest.approx(expected, abs=within)
        assert numbers["strength"][0] == pytest.approx(1 / np.cos(np.radians(tilt)), rel=1e-6)


def test_tilting_without_height_changes_nothing_and_the_best_tilt_is_that_of_lda():
    curve = TiltedSheets(height=0.0)(case())["curve"]
    assert np.ptp(curve["error"]) < 1e-12
    assert curve["distance kept"][-1] < 0.002
    errors = TiltedSheets(height=0.5, correlation=0.8)(case())["curve"]["error"]
    best = int(np.argmin(errors))
    assert 0 < best < len(errors) - 1
    assert errors[best] < errors[0] / 2
    plain = TiltedSheets(height=0.5)(case())["curve"]["error"]
    assert (np.diff(plain) > 0).all()  # without it every tilt costs
    method = TiltedSheets(height=0.5, correlation=0.6)
    lda = np.linalg.solve(method.spread, [1.0, 0.0])
    at_lda = gaussian_error(DISTANCE, method.spread, lda)
    assert at_lda <= method(case())["curve"]["error"].min() + 1e-12


def places(points, kind):
    """Of the points of a kind, (points, 2)."""
    return np.stack([points[name][np.array(points.rows) == kind] for name in points.order], 1)


def test_the_drawn_clouds_have_the_covariance_that_the_settings_say():
    method = TiltedSheets(height=0.5, correlation=0.7)
    assert method.root() @ method.root().T == pytest.approx(method.spread)
    drawn = places(method(case())["points"], "other class")
    density = multivariate_normal([DISTANCE / 2, 0], method.spread).logpdf(drawn).mean()
    expected = -np.log(2 * np.pi) - np.log(np.linalg.det(method.spread)) / 2 - 1
    assert density == pytest.approx(expected, abs=0.3)


def test_the_mirror_image_lies_behind_the_boundary_and_the_finding_tells_error_and_strength():
    method = TiltedSheets(tilt=50.0)
    points, normal = method(case())["points"], method.normal(50.0)
    way, star = places(points, EXAMPLE), places(points, MIRROR)
    assert np.array_equal(way[:1], star)
    assert way[1] @ normal == pytest.approx(-(way[0] @ normal))
    assert np.linalg.norm(way[1] - way[0]) == pytest.approx(4 * np.cos(np.radians(50.0)))
    method = TiltedSheets(tilt=60.0, height=0.0)
    words = method.finding(case(), method(case()))
    assert words == (
        "Tilted by 60°, 2.3 % are wrong (2.3 % at 0°), and mirror images are 2.0 times closer."
    )


SEEDS = 5
PAIRS = ((2, 3), (3, 8), (1, 7))


@pytest.mark.slow
@pytest.mark.timeout(3600)
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
