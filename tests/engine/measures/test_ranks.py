"""Ranks against scipy's, bit for bit."""

import numpy as np
import pytest
from scipy.stats import rankdata

from engine.measures.ranks import ranks

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "values",
    [
        RNG.normal(size=500),
        RNG.integers(0, 7, 500).astype(np.float32),
        np.zeros(4),
        np.array([3.0, np.nan, 1.0]),
        np.empty(0),
    ],
    ids=["all different", "many equal", "all equal", "with NaN", "none"],
)
def test_ranks_are_those_of_scipy(values):
    np.testing.assert_array_equal(ranks(values), rankdata(values))
