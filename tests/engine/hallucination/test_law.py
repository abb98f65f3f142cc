"""The closed form of contrasted yes/no answers, against the sheet's own table."""

import numpy as np
import pytest

from engine.hallucination.measures.law import evidence_for, false_yes, log_odds, missed

TABLE = {
    1: [(0.955, 0.003), (0.833, 0.025), (0.725, 0.055), (0.592, 0.109), (0.476, 0.174)],
    2: [(0.539, 0.018), (0.395, 0.042), (0.326, 0.061), (0.263, 0.086), (0.218, 0.111)],
    3: [(0.221, 0.013), (0.156, 0.023), (0.128, 0.031), (0.105, 0.041), (0.088, 0.050)],
    5: [(0.020, 0.002), (0.014, 0.003), (0.011, 0.003), (0.009, 0.004), (0.008, 0.005)],
}


@pytest.mark.parametrize("evidence", TABLE)
def test_the_law_gives_the_table_of_the_sheet(evidence):
    prior = log_odds(0.9)
    for alpha, (false, miss) in zip((0, 0.5, 1, 2, 4), TABLE[evidence], strict=True):
        assert false_yes(evidence, prior, alpha) == pytest.approx(false, abs=6e-4)
        assert missed(evidence, prior, alpha) == pytest.approx(miss, abs=6e-4)


def test_the_law_is_what_gaussian_evidence_gives():
    rng = np.random.default_rng(0)
    d, prior = 2.0, log_odds(0.9)
    absent = rng.normal(-(d**2) / 2, d, 400_000)
    for alpha in (0.0, 1.0):
        strong, weak = absent + prior, prior
        yes = ((1 + alpha) * strong - alpha * weak > 0).mean()
        assert yes == pytest.approx(false_yes(d, prior, alpha), abs=4e-3)


def test_evidence_is_found_back_from_its_rate():
    prior = log_odds(0.9)
    assert evidence_for(false_yes(2.8, prior), prior) == pytest.approx(2.8, abs=1e-6)
