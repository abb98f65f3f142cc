"""What a fitted rule holds: every array once, a view as the whole that it keeps."""

from __future__ import annotations

from types import MethodType

import numpy as np
import pytest
import torch

from engine.anomaly import COSTARR, KNN, MSP, Head, Mahalanobis, NNGuide, ReAct, ViM
from engine.anomaly.detectors.detector import LEAST
from engine.anomaly.detectors.held import held_bytes
from tests.engine.anomaly.banks import random_bank

WIDTH = 8
TRAIN = random_bank(60, WIDTH)


def test_an_array_counts_once_and_a_view_as_all_that_it_keeps():
    array = np.zeros((10, 4))
    assert held_bytes(array) == 320
    assert held_bytes(array[:1].T) == 320
    assert held_bytes([array, {"again": array[2:]}, "words", 7]) == 320
    assert held_bytes(torch.zeros(5)) == 20
    assert held_bytes(Head(array, np.zeros(3))) == 344


def test_a_function_holds_what_it_closes_over():
    array, other = np.zeros(4), np.zeros(2)

    def inner():
        return array

    assert held_bytes(lambda: (inner(), other)) == 48
    assert held_bytes(MethodType(inner, Head(array, other))) == 48
    assert held_bytes(np.zeros) == 0


@pytest.mark.parametrize(
    ("detector", "size"),
    [
        (MSP(), 0),
        (ReAct(), 0),
        (KNN(), 60 * WIDTH * 8),  # the directions of all images
        (NNGuide(share=0.5), 30 * WIDTH * 8),
        (Mahalanobis(), (3 * WIDTH + WIDTH * WIDTH + WIDTH) * 8),  # means, axes and their spread
        (ViM(), (WIDTH * WIDTH // 2 + WIDTH) * 8),  # half of the directions, and the origin
        (COSTARR(), 2 * 3 * WIDTH * 8),  # two means for each class
    ],
    ids=lambda parameter: getattr(parameter, "name", ""),
)
def test_a_rule_is_as_large_as_what_it_has_learnt(detector, size):
    assert detector.fit(TRAIN).nbytes == LEAST + size
