"""On a CUDA device every method gives what it gives on the CPU."""

import copy

import pytest
import torch

from engine import attribution
from engine.vision.case import ImageCase, PairCase
from engine.vision.models.classifier import Classifier
from tests import tiny
from tests.answers import small
from tests.test_contract import assert_agree

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def on_cuda(case):
    if isinstance(case, PairCase):
        return PairCase(on_cuda(case.source), case.others)
    network = copy.deepcopy(case.model.network)
    model = Classifier(network, "cuda", "cuda", case.model.side, device=torch.device("cuda", 0))
    return ImageCase(model, case.image, case.target, case.precision, case.seed)


@pytest.mark.parametrize("kind", attribution.METHODS, ids=lambda kind: kind.name)
def test_cuda_and_cpu_agree(kind):
    case = tiny.case_for(kind)
    assert_agree(small(kind)(case), small(kind)(on_cuda(case)), 1e-3)


def test_the_name_of_a_question_does_not_depend_on_the_device():
    case = tiny.cnn_case()
    assert on_cuda(case).fingerprint == case.fingerprint
