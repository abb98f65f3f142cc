"""On a CUDA device every method gives what it gives on the CPU."""

import copy

import numpy as np
import pytest
import torch

from engine import attribution
from engine.case import ImageCase
from engine.models.classifier import Classifier
from tests import tiny
from tests.test_contract import small

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def on_cuda(case):
    network = copy.deepcopy(case.model.network)
    model = Classifier(network, "cuda", "cuda", case.model.side, device=torch.device("cuda", 0))
    return ImageCase(model, case.image, case.target, case.precision, case.seed)


@pytest.mark.parametrize("kind", attribution.METHODS, ids=lambda kind: kind.name)
def test_cuda_and_cpu_agree(kind):
    case = tiny.case_for(kind)
    here = small(kind)(case)["map"].values
    there = small(kind)(on_cuda(case))["map"].values
    np.testing.assert_allclose(there, here, atol=1e-3 * float(np.ptp(here)))


def test_the_name_of_a_question_does_not_depend_on_the_device():
    case = tiny.cnn_case()
    assert on_cuda(case).fingerprint == case.fingerprint
