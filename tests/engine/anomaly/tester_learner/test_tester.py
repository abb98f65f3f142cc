"""The tester-learner: what it accepts was learned well, and every other shape is rejected."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from engine.anomaly import HalfspaceExperiment
from engine.anomaly.tester_learner import experiment as tester
from engine.anomaly.tester_learner.strips import BorderStrip, expected, mardia, strip_statistics
from engine.core.errors import BadData
from engine.evaluation.experiment import ExperimentCase
from tests import tiny
from tests.tiny import digits

DRAWS = 40


def test_gaussian_data_are_accepted_and_every_other_shape_is_not():
    """The experiment itself, against errors counted by hand."""
    method = HalfspaceExperiment(seeds=3)
    result = method(digits())["runs"]
    for row, shape in enumerate(result.rows):
        assert result[tester.ACCEPTED][row] == (shape == tester.GAUSS), shape
        seed_case = digits(int(result["seed"][row]))
        sample = method.sample(shape, seed_case, method.count)
        sides = [
            np.mean(np.sign(sample.points @ direction) != sample.labels)
            for direction in (method.learned(sample, seed_case), sample.best)
        ]
        assert result[tester.WRONG][row] == pytest.approx(sides[0])
        assert result[tester.BEST][row] == pytest.approx(min(sides))
        assert result[tester.MARDIA][row] == mardia(sample.points)
        if shape == tester.GAUSS:
            assert result[tester.WRONG][row] < result[tester.BEST][row] + 0.03
        if shape in {tester.GAUSS, tester.SQUEEZED}:
            assert result[tester.BEST][row] == pytest.approx(0.2, abs=0.02)  # the flipped labels


def test_the_clump_leads_the_learner_astray_where_a_gaussian_does_not():
    method = HalfspaceExperiment()
    astray = {shape: [] for shape in (tester.GAUSS, tester.CLUMP)}
    for seed in range(5):
        for shape, excess in astray.items():
            figures = method.measured(shape, digits(seed))
            excess.append(figures[tester.WRONG] - figures[tester.BEST])
    assert np.mean(astray[tester.CLUMP]) > 0.08
    assert np.mean(astray[tester.GAUSS]) < 0.01


def test_without_noise_the_learner_finds_the_halfspace():
    method = HalfspaceExperiment(noise=0.0)
    for seed in range(3):
        sample = method.sample(tester.GAUSS, digits(seed), 20_000)
        w = method.learned(sample, digits(seed))
        assert np.degrees(np.arccos(w @ sample.best)) < 3
        assert tester.wrong(sample, np.stack([sample.best, -sample.best])).tolist() == [0, 1]


def test_a_strip_s_figures_are_those_of_a_plain_loop_and_of_a_gaussian():
    rng = np.random.default_rng(0)
    points, w = rng.normal(size=(3000, 4)) * (1, 2, 0.5, 1), np.array([0.6, 0, 0, 0.8])
    band = strip_statistics(points, w, 0.2, 0.7)
    inside = [p for p in points if 0.2 <= abs(p @ w) < 0.7]
    assert band.count == len(inside)
    assert band.mass == pytest.approx(len(inside) / 3000 / (2 * (norm.cdf(0.7) - norm.cdf(0.2))))
    flat = np.array([p - (p @ w) * w for p in inside])  # their part along the border
    assert band.eigenvalues == pytest.approx(np.linalg.eigvalsh(flat.T @ flat / len(flat))[1:])
    assert abs(band.directions.T @ w).max() < 1e-12
    fourth = [np.mean((flat @ v) ** 4) / 3 for v in band.directions.T]
    assert band.fourth == pytest.approx(max(fourth))
    assert strip_statistics(points, w, 7, 8).count == 0
    points = np.random.default_rng(1).normal(size=(200_000, 3))
    for low, high in ((0, 0.3), (0.3, 0.6), (1.2, 2.0)):
        assert strip_statistics(points, np.eye(3)[0], low, high).mass == pytest.approx(1, abs=0.03)
    assert expected(0, 0.3) == pytest.approx(0.2358, abs=1e-4)


@pytest.mark.parametrize(
    ("shape", "words"),
    [(tester.TAILS, "mass × 1."), (tester.SQUEEZED, "2nd moment 0.0"), (tester.CLUMP, "mass × ")],
)
def test_the_reason_names_what_is_wrong(shape, words):
    method = HalfspaceExperiment()
    sample = method.sample(shape, digits(), method.count)
    assert method.reason(sample.points, sample.best).startswith(words)
    few = method.sample(tester.GAUSS, digits(), 1000)
    assert method.reason(few.points, few.best).endswith("points in a strip")


@pytest.mark.parametrize("nearest", [True, False])
@pytest.mark.parametrize(
    ("name", "inside", "outside", "words"),
    [
        ("count", 200, 199, "199 points in a strip"),
        ("mass", 1.199, 1.201, "mass × 1.20"),
        ("mass", 0.801, 0.799, "mass × 0.80"),
        ("eigenvalues", [0.601, 1, 1], [0.599, 1, 1], "2nd moment 0.60"),
        ("eigenvalues", [1, 1, 1.399], [1, 1, 1.401], "2nd moment 1.40"),
        ("fourth", 1.499, 1.501, "4th moment × 1.5"),
    ],
)
def test_a_strip_is_at_fault_beyond_each_limit(name, inside, outside, words, nearest):
    method = HalfspaceExperiment(delta=0.4)
    right = BorderStrip(1.0, np.ones(3), 1.0, 200, np.eye(4)[:, 1:])
    assert not method.fault(replace(right, **{name: inside}), nearest=nearest)
    fault = method.fault(replace(right, **{name: outside}), nearest=nearest)
    assert fault == (words if nearest or name != "fourth" else "")


def test_fourth_moments_alone_reject_too():
    rng = np.random.default_rng(2)
    points = rng.normal(size=(20_000, 5))
    sizes = np.where(rng.random(20_000) < 0.2, 2.0, np.sqrt((1 - 0.8) / 0.8))
    points[:, 1] *= sizes  # variance 1, kurtosis three times a Gaussian's
    assert "4th moment" in HalfspaceExperiment().reason(points, np.eye(5)[0])


def test_mardia_s_test_takes_any_gaussian_and_refuses_tails_in_five_draws_of_six():
    method = HalfspaceExperiment()
    for shape, taken in ((tester.GAUSS, True), (tester.SQUEEZED, True), (tester.TAILS, False)):
        verdicts = [mardia(method.sample(shape, digits(seed), 5000).points) for seed in range(20)]
        assert np.mean(verdicts) >= 0.85 if taken else not any(verdicts), shape


def test_images_are_whitened_main_components_with_labels_of_two_halves():
    sample = tester.whitened_points(digits(), 6)
    assert sample.points.mean(0) == pytest.approx(0, abs=1e-9)
    expected = np.eye(6)
    assert sample.points.T @ sample.points / len(sample.points) == pytest.approx(expected, abs=1e-9)
    assert tester.wrong(sample, sample.best[None])[0] < 0.35
    # images drawn again, so that a seed's draw can be told: the first five digits are one side
    data, train = digits().data, digits().data.rows("train")
    drawn = np.random.default_rng([0, 39]).choice(train, len(train))
    assert sample.labels.tolist() == np.where(data.labels[drawn] < 5, 1, -1).tolist()
    signed = sample.points * sample.labels[:, None]  # no weight beside these: through the middle
    fit = minimize(lambda w: np.logaddexp(0, -signed @ w).sum() + w @ w / 2, np.zeros(6)).x
    assert sample.best == pytest.approx(fit / np.linalg.norm(fit), abs=1e-3)
    assert not HalfspaceExperiment().measured(tester.IMAGES, digits())[tester.ACCEPTED]


def test_the_picture_says_what_is_accepted():
    picture = HalfspaceExperiment().picture(digits())
    shapes = (tester.GAUSS, tester.TAILS, tester.CLUMP, tester.SQUEEZED, tester.IMAGES)
    assert picture.columns == shapes
    assert picture.caption(0, 0) == "accepted"
    assert all(picture.caption(0, column).startswith("no: ") for column in range(1, 5))
    dark = [(picture.images[1, column] < 200).all(-1).sum(0) for column in range(5)]
    assert np.argmax(dark[0]) == pytest.approx(48, abs=6)  # the Gaussian's bars are in the middle
    assert (dark[3] > 4).sum() < (dark[0] > 4).sum()  # the squeezed ones are narrow


def test_a_density_is_drawn_at_its_places_and_on_its_scale():
    """The plane is 8 wide and 16 high; heights end at 0.8. Bins and rows are counted by hand."""
    outside = [(1.04, 2.1)] * 400 + [(-1.04, -3.1)] * 100
    inside = [(0.29, 0.04)] * 19 + [(-0.29, -7.95)]
    plane, below = tester.density_plots(*np.array(outside + inside).T, 0.3)
    orange = (plane != plane[..., :1]).any(-1)
    assert [*np.flatnonzero(orange.all(0))] == [*np.flatnonzero(orange.any(0))] == [44, 51]
    assert plane[35, 60].tolist() == [20] * 3  # the most
    assert plane[66, 35].tolist() == [137] * 3  # a quarter, by its square root
    gray = ~orange & (plane[..., 0] < 255)
    assert {*zip(*map(list, np.nonzero(gray)), strict=True)} == {(35, 60), (66, 35)}
    curve = (below != below[..., :1]).any(-1)
    assert curve.sum(0).tolist() == [1] * 96
    # 95 (1 − φ(x) / 0.8) at x = 1/12, 13/12 and −95/12
    assert [curve[:, column].argmax() for column in (48, 54, 0)] == [48, 69, 95]
    dark = (below == 90).all(-1) | curve
    assert [dark[:, column].sum() for column in (48, 0)] == [96, 36]  # 5.7 and 0.3 of 0.8
    assert dark[95].all()


def test_images_that_do_not_differ_are_refused_in_words():
    data = tiny.columns(8, ("a", "b", "c"))
    alike = ExperimentCase(replace(data, images=np.zeros_like(data.images)))
    with pytest.raises(BadData, match="differ in 10 ways"):
        HalfspaceExperiment().measured(tester.IMAGES, alike)
    assert tester.whitened_points(ExperimentCase(data), 12).points.shape == (24, 12)
    with pytest.raises(BadData, match="at least 26 train images"):
        tester.whitened_points(ExperimentCase(data), 13)


def test_of_forty_gaussian_draws_nearly_all_are_accepted_and_of_forty_clumps_none():
    method, verdicts = HalfspaceExperiment(), {tester.GAUSS: [], tester.CLUMP: []}
    for seed in range(DRAWS):
        for shape, verdict in verdicts.items():
            sample = method.sample(shape, digits(seed), method.count)
            verdict.append(not method.reason(sample.points, sample.best))
    assert sum(verdicts[tester.GAUSS]) >= 38
    assert sum(verdicts[tester.CLUMP]) == 0
