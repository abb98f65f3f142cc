"""A case names everything the answer depends on, and refuses what cannot be asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.case import ImageCase, image_case
from engine.case.target import Target
from engine.errors import BlindspotError
from engine.images import Crop
from engine.images.samples import sample
from tests import tiny


@pytest.fixture
def case():
    return tiny.cnn_case()


def test_the_fingerprint_depends_on_pixels_weights_target_precision_and_seed(case):
    pixel = case.image.clone()
    pixel[0, 3, 4] += 1e-3
    others = [
        case,
        replace(case, image=pixel),
        replace(case, target=Target(0)),
        replace(case, target=Target(0, versus=1)),
        replace(case, target=Target(0, reading="margin")),
        replace(case, model=tiny.cnn(seed=9)),
        replace(case, seed=1),
        case.at("fast"),
    ]
    assert len({variant.fingerprint for variant in others}) == 8


def test_the_fingerprint_does_not_depend_on_the_layout_of_the_pixels(case):
    turned = case.image.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    assert not turned.is_contiguous()
    assert replace(case, image=turned).fingerprint == case.fingerprint


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (4, "Class 4 is unknown"),
        (-1, "Class -1 is unknown"),
        (Target(0, versus=9), "Class 9"),
        (Target(1, versus=1), "compared with itself"),
    ],
)
def test_a_class_that_is_not_there_is_refused(case, target, words):
    with pytest.raises(BlindspotError, match=words):
        ImageCase(case.model, case.image, target)


def test_an_image_of_another_form_is_refused(case):
    with pytest.raises(BlindspotError, match=r"not \(32, 32\)"):
        ImageCase(case.model, case.image[0], 0)


def test_a_class_number_is_a_target(case):
    assert ImageCase(case.model, case.image, 1).target == Target(1)


def test_the_facts_hold_neither_pixels_nor_file_names(case):
    facts = case.facts()
    assert facts["side"] == 32
    assert facts["target_index"] == case.target.index
    assert facts["unit"] == "logit"
    assert all(isinstance(value, str | int | None) for value in facts.values())


def test_the_gradient_of_a_linear_model_is_its_weight():
    case = tiny.linear_case()
    scores, gradients = case.gradient(torch.stack([case.image, case.image * 0]))
    weight = case.model.network.weight.detach()
    assert torch.allclose(gradients[0], weight, atol=1e-6)
    assert torch.allclose(gradients[1], weight, atol=1e-6)
    assert scores.tolist() == pytest.approx([(weight * case.image).sum().item(), 0.0], abs=1e-4)


def test_scores_agree_with_the_gradient_passes(case):
    images = torch.stack([tiny.image(seed=n) for n in range(5)])
    assert case.score(images).tolist() == pytest.approx(case.gradient(images)[0].tolist(), abs=1e-5)


def test_baselines_are_black_the_models_zero_and_a_blur(case):
    assert case.baseline("black").abs().max() == 0
    assert case.baseline("mean").shape == (3, 32, 32)
    assert torch.equal(case.baseline("mean")[:, 0, 0], case.model.mean[0, :, 0, 0])
    blurred = case.baseline("blur")
    assert blurred.std() < case.image.std() / 3
    assert blurred.mean().item() == pytest.approx(case.image.mean().item(), abs=0.02)


def test_random_numbers_come_from_the_seed(case):
    draws = [torch.rand(3, generator=case.generator()).tolist() for _ in range(2)]
    other = torch.rand(3, generator=replace(case, seed=1).generator()).tolist()
    assert draws[0] == draws[1] != other


def test_words_of_a_setting_are_read_from_the_model(case):
    assert case.options("maps") == ("conv1", "act1", "pool", "conv2", "act2")
    assert case.options("classes") == ("class 0", "class 1", "class 2", "class 3")
    with pytest.raises(ValueError, match="no heads"):
        case.options("heads")


def test_a_pictures_square_becomes_the_case():
    model = tiny.cnn()
    case = image_case(model, sample("chelsea"), Crop(), Target(0))
    assert tuple(case.image.shape) == (3, 32, 32)
    assert 0 <= case.image.min() < case.image.max() <= 1
    assert np.isfinite(case.image.numpy()).all()
