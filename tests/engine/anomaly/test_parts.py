"""The parts of scores, the size of fitted rules, and models that give NaN or infinite numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from types import MethodType

import numpy as np
import pytest
import torch
from torch import nn

from engine.anomaly import (
    COSTARR,
    DETECTORS,
    KNN,
    MSP,
    Compare,
    Corrupt,
    Head,
    Mahalanobis,
    NNGuide,
    ReAct,
    ViM,
)
from engine.anomaly.detectors.detector import LEAST
from engine.anomaly.detectors.held import held_bytes
from engine.errors import DoesNotFit
from engine.models.classifier import Classifier
from tests import tiny
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


WIDTH = 8
TRAINING_BANK = random_bank(60, WIDTH)


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
    assert detector.fit(TRAINING_BANK).nbytes == LEAST + size


TESTED_KINDS = (*DETECTORS, Compare, Corrupt)
SENTENCE = "not finite numbers (NaN or infinite) for "


class Quotient(nn.Module):
    """Divides by the mean of the image, so that a black one gives NaN."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, images):
        return self.fc(images.mean((2, 3)) / images.mean((1, 2, 3))[:, None])


def model_of(network):
    return Classifier(network, "tiny", "tiny", 32, device=torch.device("cpu"))


@pytest.mark.parametrize("kind", TESTED_KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_model_with_such_weights_is_refused_in_a_sentence(kind, value):
    network = tiny.random_weights(tiny.Cnn(), 0)
    with torch.no_grad():
        network.fc.weight[0] = value
    with pytest.raises(DoesNotFit, match=re.escape(SENTENCE + "this image")):
        kind()(tiny.familiar_case(model_of(network)))


@pytest.mark.parametrize("kind", TESTED_KINDS, ids=lambda kind: kind.name)
def test_an_image_that_gives_such_numbers_is_named(kind):
    case = tiny.familiar_case(model_of(tiny.random_weights(Quotient(), 0)))
    with pytest.raises(DoesNotFit, match=re.escape(SENTENCE + "this image")):
        kind()(replace(case, image=torch.zeros_like(case.image)))


@pytest.mark.parametrize("kind", TESTED_KINDS, ids=lambda kind: kind.name)
def test_normal_images_that_give_such_numbers_are_counted(kind):
    case = tiny.familiar_case(model_of(tiny.random_weights(Quotient(), 0)))
    held_out = np.flatnonzero(case.normal.split == 0)
    images = case.normal.images.copy()
    images[held_out[:2]] = 0
    with pytest.raises(DoesNotFit, match=r"2 of \d+ normal images"):
        kind()(replace(case, normal=replace(case.normal, images=images)))
