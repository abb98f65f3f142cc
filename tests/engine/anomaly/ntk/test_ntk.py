"""Kernels of deep networks: their closed forms, their limits, and votes counted one by one."""

from dataclasses import replace

import mpmath
import numpy as np
import pytest

from engine.anomaly import NtkExperiment
from engine.anomaly.ntk import experiment as ntk
from engine.core.errors import BadData
from engine.evaluation.experiment import ExperimentCase
from tests import tiny
from tests.tiny import digits

COSINES = np.array([0.3, 0.5, 0.9, 0.99])
LAYERS = 40


def long_kernel(squares, cosine, layers):
    """The tangent kernel of one pair, step by step in numbers of any size."""
    process = tangent = mpmath.mpf(float(cosine))
    for _ in range(layers):
        slope = sum(i * float(a) * process ** (i - 1) for i, a in enumerate(squares) if i and a)
        process = sum(float(a) * process**i for i, a in enumerate(squares) if a)
        tangent = process + tangent * slope
    return tangent


def test_every_figure_is_that_of_votes_counted_one_by_one_in_long_numbers():
    result = NtkExperiment(seeds=1, points=20, layers=LAYERS)(digits(2))["table"]
    sphere = ntk.on_sphere(digits(2), 20)
    distances = np.linalg.norm(sphere.test[:, None] - sphere.points[None], axis=-1)
    power = np.where(sphere.votes, distances**-2.0, -(distances**-2.0)).sum(1) > 0
    limits = {
        ntk.AS_NEAREST: sphere.votes[distances.argmin(1)],
        ntk.AS_MAJORITY: np.full(20, 2 * sphere.votes.sum() > 20),
        ntk.AS_SINGULAR: power,
        ntk.RIGHT: sphere.truth,
    }
    figures = set()
    for name, activation in ntk.ACTIVATIONS.items():
        for condition, layers in ((ntk.deep(name), LAYERS), (ntk.shallow(name), 2)):
            decided = []
            for point in sphere.test:
                votes = mpmath.mpf(0)
                for other, first in zip(sphere.points, sphere.votes, strict=True):
                    kernel = long_kernel(activation.squares, point @ other, layers)
                    votes += kernel if first else -kernel
                decided.append(votes > 0)
            expected = {limit: np.mean(np.array(decided) == as_) for limit, as_ in limits.items()}
            measured = {limit: result.cell(condition, limit) for limit in limits}
            assert measured == pytest.approx(expected)
            figures.add(tuple(measured.values()))
    assert len(figures) > 1  # the conditions differ


@pytest.mark.parametrize("layers", [1, 3, 10, 100])
def test_the_kernel_of_the_second_polynomial_is_its_closed_form(layers):
    """K = (2^(L+1) − 1) ξ^(2^L), also where no float can hold it."""
    _, tangent = ntk.ACTIVATIONS[ntk.NEAREST].kernels(np.log(COSINES), layers)
    expected = [
        float(mpmath.log(2 ** (layers + 1) - 1) + 2**layers * mpmath.log(cosine))
        for cosine in COSINES
    ]
    assert tangent == pytest.approx(expected, rel=1e-12)


def test_in_the_second_regime_all_pairs_count_the_same():
    process, tangent = ntk.ACTIVATIONS[ntk.MAJORITY].kernels(np.log(COSINES), 200)
    squares = ntk.ACTIVATIONS[ntk.MAJORITY].squares
    fixed = min(np.roots([squares[2], -1, squares[0]]))  # of ξ = a₀² + a₂² ξ²; the other one is 1
    assert np.exp(process) == pytest.approx(fixed)
    assert np.ptp(tangent) < 1e-12
    assert np.ptp(ntk.ACTIVATIONS[ntk.MAJORITY].kernels(np.log(COSINES), 2)[1]) > 1
    assert squares @ np.arange(3) > 1  # B': what lies close is driven apart


def psi(activation, cosines, layers=400):
    """log ψ, the process's limit over A'^(2L)."""
    process, _ = activation.kernels(np.log(cosines), layers)
    return process - layers * np.log(activation.squares[1])


def test_the_singular_kernel_has_the_limit_that_its_equation_says():
    activation = ntk.ACTIVATIONS[ntk.SINGULAR]
    mapped = np.polynomial.polynomial.polyval(COSINES, activation.squares)
    step = psi(activation, mapped) - psi(activation, COSINES)
    assert step == pytest.approx(np.log(activation.squares[1]))  # ψ(dual ξ) = A'² ψ(ξ)
    _, tangent = activation.kernels(np.log(COSINES), 20_000)
    limit = tangent - 20_000 * np.log(activation.squares[1]) - np.log(20_001)
    assert limit == pytest.approx(psi(activation, COSINES), abs=0.01)


@pytest.mark.parametrize(
    ("coefficients", "power"),
    [
        ((0, 1, 0, 1), 1.0),
        ((0, 1, 0, 0, 0, 0, 0, 1), 0.5),
        ((0, 2**-0.75, (1 - 2**-0.5) ** 0.5, 2**-0.75), 1.5),
    ],
)
def test_the_limit_s_power_of_1_minus_cosine_is_half_the_sphere_s_dimension(coefficients, power):
    near, far = 1 - np.array([1e-6]), 1 - np.array([1e-4])
    activation = ntk.Activation(coefficients)
    slope = (psi(activation, near) - psi(activation, far)) / np.log(100)
    assert slope == pytest.approx(power, abs=2e-3)
    first, steps = activation.squares[1], activation.squares @ np.arange(len(coefficients))
    assert -2 * np.log(first) / np.log(steps) == pytest.approx(2 * power)  # α = −4 log|A'| / log B'


def test_images_lie_on_the_sphere_with_positive_cosines_by_their_main_components():
    sphere = ntk.on_sphere(digits(), 100)
    assert np.linalg.norm(sphere.points, axis=1) == pytest.approx(1)
    assert (sphere.test @ sphere.points.T).min() > 0
    plane = sphere.points[:, :2] / sphere.points[:, 2:]
    assert abs(plane).max() <= ntk.REACH + 1e-12
    assert sphere.votes.sum() == pytest.approx(40, abs=15)
    assert ntk.lifted(plane) == pytest.approx(sphere.points)
    tie = replace(sphere, votes=np.arange(100) % 2 == 0)
    assert not ntk.limits_of(tie)[1].any()  # as many of both: not the first group's


def test_the_last_column_of_the_picture_is_what_the_limits_decide():
    picture, sphere = NtkExperiment(points=40).picture(digits()), ntk.on_sphere(digits(), 40)
    assert picture.columns[-1] == "limit"
    assert picture.columns[0] == "1 layer"
    across = np.linspace(-ntk.REACH, ntk.REACH, ntk.GRID)
    for row, column in ((0, 0), (7, 30), (39, 39), (20, 11)):
        (place,) = ntk.lifted(np.array([[across[column], -across[row]]]))
        for at, (limit,) in enumerate(ntk.limits_of(sphere, place[None])):
            red, _, blue = picture.images[at, -1, row, column]
            assert (blue > red) == limit
    for at in (0, 1):  # 100 layers decide nearly as the limit
        assert np.mean(picture.images[at, -2] == picture.images[at, -1]) > 0.97
    assert np.mean(picture.images[0, 0] == picture.images[0, -1]) < 0.9


def test_images_of_one_class_are_refused_in_words():
    data = tiny.columns(8, ("a", "b", "c"))
    alone = ExperimentCase(replace(data, labels=np.zeros_like(data.labels)))
    with pytest.raises(BadData, match="at least two classes"):
        NtkExperiment().picture(alone)


def test_a_picture_of_regions_has_each_image_where_it_lies_on_the_plane():
    plane = ntk.REACH * np.array([[-1, 1], [1, 1], [-1, -1]])  # up is up
    points = np.concatenate([plane, np.ones((3, 1))], 1) / 1.5
    votes, none = np.array([True, False, True]), np.zeros((0, 3))
    left = np.tile(np.arange(ntk.GRID) < ntk.GRID / 2, ntk.GRID)
    pale, image = (
        ntk.painted(left, ntk.OnSphere(points[:count], votes[:count], none, none)).astype(int)
        for count in (0, 3)
    )
    end = ntk.GRID - 1
    assert np.argwhere((image != pale).any(2)).tolist() == [[0, 0], [0, end], [end, 0]]
    assert (image[0, 0] == image[-1, 0]).all()
    assert not (image[0, 0] == image[0, -1]).all()
    assert not (pale[0, 0] == pale[0, -1]).all()
