"""The Fréchet distance of two sets of features."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from engine.measures.frechet import frechet


def test_it_is_the_formula_with_a_root_of_the_product():
    chance = np.random.default_rng(0)
    points = chance.normal(size=(300, 6)) @ chance.normal(size=(6, 6))
    other_points = chance.normal(size=(200, 6)) @ chance.normal(size=(6, 6)) + 1
    first, second = np.cov(points.T), np.cov(other_points.T)
    slowly = ((points.mean(0) - other_points.mean(0)) ** 2).sum()
    slowly += np.trace(first + second - 2 * np.real(sqrtm(first @ second)))
    assert frechet(points, other_points) == pytest.approx(slowly, rel=1e-6)
    assert frechet(other_points, points) == pytest.approx(slowly, rel=1e-6)


def test_on_a_line_it_is_the_gap_of_means_and_of_deviations():
    chance = np.random.default_rng(1)
    first, second = chance.normal(0, 2, (400, 1)), chance.normal(3, 5, (400, 1))
    expected = (first.mean() - second.mean()) ** 2 + (first.std(ddof=1) - second.std(ddof=1)) ** 2
    assert frechet(first, second) == pytest.approx(expected)


def test_of_the_same_rows_it_is_nothing_also_where_they_are_fewer_than_columns():
    rows = np.random.default_rng(2).normal(size=(5, 40))
    assert frechet(rows, rows) == pytest.approx(0, abs=1e-4)
    assert frechet(rows, rows + 2) == pytest.approx(40 * 4, rel=1e-6)


def test_one_row_has_no_covariance():
    with pytest.raises(ValueError, match="two rows"):
        frechet(np.zeros((1, 3)), np.zeros((5, 3)))
