"""The projection of the weights of a forget set, beside a solver of quadratic programs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from engine.errors import BlindspotError
from engine.unlearning.protocol.projection import project


def solved(values, total):
    """The nearest point of {0 ≤ w ≤ 1, Σ w = total} by sequential quadratic programming."""
    return minimize(
        lambda w: ((w - values) ** 2).sum(),
        np.full(len(values), total / len(values)),
        jac=lambda w: 2 * (w - values),
        bounds=[(0, 1)] * len(values),
        method="SLSQP",
        constraints={"type": "eq", "fun": lambda w: w.sum() - total, "jac": np.ones_like},
        options={"maxiter": 500, "ftol": 1e-14},
    ).x


@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_projection_is_the_solver_s(seed, spread):
    rng = np.random.default_rng(seed)
    values, total = spread * rng.normal(size=12), int(rng.integers(1, 12))
    result = project(values, total)
    assert result == pytest.approx(solved(values, total), abs=1e-4)
    assert result.sum() == pytest.approx(total, abs=1e-3)
    assert result.min() >= 0
    assert result.max() <= 1


def test_what_is_allowed_stays_and_far_values_become_the_largest():
    rng = np.random.default_rng(1)
    inside = rng.random(50)
    assert project(inside, inside.sum()) == pytest.approx(inside, abs=1e-6)
    far = 1e5 * rng.normal(size=500)
    result = project(far, 50)
    assert set(np.flatnonzero(result > 0.5)) == set(np.argsort(-far)[:50])
    assert result.sum() == pytest.approx(50, abs=1e-3)


@pytest.mark.parametrize("total", [0, 7])
def test_none_and_all_are_whole(total):
    assert project(np.arange(7.0), total) == pytest.approx(np.full(7, total / 7), abs=1e-6)


@pytest.mark.parametrize(
    ("values", "total"), [(np.zeros(3), 4), (np.zeros(3), -1), (np.array([0.0, np.nan]), 1)]
)
def test_what_cannot_be_projected_is_refused(values, total):
    with pytest.raises(BlindspotError, match="cannot add up to"):
        project(values, total)
