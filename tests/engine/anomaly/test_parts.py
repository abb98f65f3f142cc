"""What every detector says of its own score: the parts that are drawn make it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.anomaly import DETECTORS
from tests.engine.anomaly.banks import random_bank

TRAIN = random_bank(90, seed=1)
QUERIES = replace(
    random_bank(30, seed=2),
    nudge=lambda heat, step: random_bank(30, seed=2).logits * 1.1 + heat * step,
)


@pytest.mark.parametrize("kind", DETECTORS, ids=lambda kind: kind.name)
def test_the_parts_make_the_score_as_the_detector_says(kind):
    judged = kind().fit(TRAIN).rule(QUERIES)
    parts = np.stack(list(judged.parts.values()))
    joined_scores = {"sum": parts.sum(0), "product": -parts.prod(0), "alone": parts[0]}[kind.joined]
    assert judged.score == pytest.approx(joined_scores, rel=1e-9, abs=1e-9)
    assert len(parts) == (1 if kind.joined == "alone" else 2)
    assert (np.ptp(parts, 1) > 0).all()
