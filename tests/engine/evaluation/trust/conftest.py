"""Cases on which maps are put on trial."""

import numpy as np
import pytest
import torch

from engine.vision.case import ImageCase
from engine.vision.data import load as load_data
from engine.vision.models import embedded
from engine.vision.models.classifier import Classifier
from tests.engine.evaluation.trust.asking import Linear


@pytest.fixture(scope="module")
def linear():
    weight = torch.randn(3, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    image = torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(1))
    return ImageCase(Classifier(Linear(weight), "toy", "toy", side=12), image, target=1)


@pytest.fixture(scope="module")
def digit():
    data = load_data("digits")
    row = data.rows("test")[3]
    image = torch.from_numpy(data.images[row] / np.float32(255)).expand(3, -1, -1).contiguous()
    return ImageCase(embedded.load("digits-cnn"), image, target=int(data.labels[row]))
