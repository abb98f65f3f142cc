"""The pixels that an answer is made of: how many, what they add, and what lies in the finding."""

from __future__ import annotations

import numpy as np

from components.heatmaps.peaks import peaks_text
from engine.result import Table

PEAKS = Table.of(
    {
        "left": (np.array([0.125, 0.125, 0.875]), "share"),
        "top": (np.array([0.375, 0.375, 0.625]), "share"),
        "part": (np.array([1.5, -0.25, 2.0]), "logit"),
    }
)


def test_pixels_are_counted_once_and_parts_added_up():
    sentence = peaks_text(PEAKS, None)
    assert "3 features, from 2 pixels" in sentence
    assert "Together they add +3.2 logits" in sentence
    assert "finding" not in sentence


def test_what_lies_in_the_finding_is_counted_apart():
    truth = np.zeros((4, 4), np.bool_)
    truth[1, 0] = True
    assert peaks_text(PEAKS, truth).endswith("2 lie in the finding and add +1.2.")
    assert "finding" not in peaks_text(PEAKS, np.zeros((4, 4), np.bool_))
