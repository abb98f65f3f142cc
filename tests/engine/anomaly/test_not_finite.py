"""What a detector says where a model gives NaN or infinite numbers: one sentence, never a trace."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from engine.anomaly import DETECTORS, Compare, Corrupt
from engine.errors import DoesNotFit
from engine.models.classifier import Classifier
from tests import tiny

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
