"""A case names everything the answer depends on; targets, edits and predictions by hand."""

from dataclasses import replace
from math import exp

import numpy as np
import pytest
import torch

from engine.core.errors import BlindspotError
from engine.core.result import Scores
from engine.core.run import answer
from engine.vision.case import ImageCase, PairCase, image_case
from engine.vision.case.editing import covered
from engine.vision.case.prediction import Prediction, top_classes
from engine.vision.case.target import Target
from engine.vision.images import Crop
from engine.vision.images.samples import sample
from tests import tiny


@pytest.fixture
def case():
    return tiny.cnn_case()


def test_the_fingerprint_depends_on_pixels_weights_target_precision_and_seed_but_no_layout(case):
    pixel = case.image.clone()
    pixel[0, 3, 4] += 1e-3
    targets = (Target(0), Target(0, versus=1), Target(0, reading="margin"))
    others = [case, case.at("fast"), *(replace(case, target=target) for target in targets)]
    changes = ({"image": pixel}, {"model": tiny.cnn(seed=9)}, {"seed": 1})
    others += [replace(case, **change) for change in changes]
    assert len({variant.fingerprint for variant in others}) == 8
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
def test_a_class_that_is_not_there_and_an_image_of_another_form_are_refused(case, target, words):
    with pytest.raises(BlindspotError, match=words):
        ImageCase(case.model, case.image, target)
    assert ImageCase(case.model, case.image, 1).target == Target(1)
    with pytest.raises(BlindspotError, match=r"not \(32, 32\)"):
        ImageCase(case.model, case.image[0], 0)


def test_the_facts_hold_neither_pixels_nor_file_names(case):
    facts = case.facts()
    assert facts["side"] == 32
    assert facts["target_index"] == case.target.index
    assert facts["unit"] == "logit"
    assert all(isinstance(value, str | int | None) for value in facts.values())


def test_scores_agree_with_gradient_passes_which_give_the_weight_of_a_linear_model(case):
    images = torch.stack([tiny.image(seed=n) for n in range(5)])
    assert case.score(images).tolist() == pytest.approx(case.gradient(images)[0].tolist(), abs=1e-5)
    case = tiny.linear_case()
    scores, gradients = case.gradient(torch.stack([case.image, case.image * 0]))
    weight = case.model.network.weight.detach()
    assert torch.allclose(gradients[0], weight, atol=1e-6)
    assert torch.allclose(gradients[1], weight, atol=1e-6)
    assert scores.tolist() == pytest.approx([(weight * case.image).sum().item(), 0.0], abs=1e-4)


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
    case = image_case(tiny.cnn(), sample("chelsea"), Crop(), Target(0))
    assert tuple(case.image.shape) == (3, 32, 32)
    assert 0 <= case.image.min() < case.image.max() <= 1
    assert np.isfinite(case.image.numpy()).all()


def test_a_pair_is_named_by_all_its_images_and_their_order():
    first, second = tiny.image(seed=2), tiny.image(seed=3)
    source = tiny.cnn_case()
    pairs = [(first, second), (second, first), (first,), (first, first)]
    names = {PairCase(source, others).fingerprint for others in pairs}
    assert len(names | {source.fingerprint}) == 5
    assert PairCase(tiny.cnn_case(target=1), (first,)).fingerprint not in names
    assert PairCase(tiny.cnn_case(), (first,)).fingerprint in names
    with pytest.raises(BlindspotError, match="at least one"):
        PairCase(source, ())
    with pytest.raises(BlindspotError, match=r"differ in size.*16"):
        PairCase(source, (tiny.image(16),))


@pytest.mark.parametrize("cover", ["mean", "black", "blur"])
def test_only_the_rectangle_changes(cover):
    case = tiny.cnn_case()
    edited = covered(case, (0.25, 0.5, 0.5, 0.25), cover)
    changed = (edited.image != case.image).any(0)
    assert changed[16:24, 8:24].float().mean() > 0.9
    assert changed.sum() <= 8 * 16
    assert torch.equal(edited.image[:, 16:24, 8:24], case.baseline(cover)[:, 16:24, 8:24])
    assert edited.fingerprint != case.fingerprint


def test_paint_is_the_color_that_was_chosen_and_covering_nothing_changes_nothing():
    case = tiny.cnn_case()
    painted = covered(case, (0.25, 0.5, 0.5, 0.25), "paint", "#ff8000").image[:, 20, 12]
    assert painted.tolist() == pytest.approx([1, 128 / 255, 0])
    assert covered(case, (0.5, 0.5, 0.0, 0.0), "black").fingerprint == case.fingerprint


LOGITS = torch.tensor([[1.0, 3.0, 0.0], [2.0, 0.0, -1.0]])
P = [exp(1) / (exp(1) + exp(3) + 1), exp(3) / (exp(1) + exp(3) + 1)]


@pytest.mark.parametrize(
    ("target", "scores"),
    [
        (Target(0), [1.0, 2.0]),
        (Target(0, versus=1), [-2.0, 2.0]),
        (Target(0, reading="margin"), [-2.0, 2.0]),
        (Target(1, reading="margin"), [2.0, -2.0]),
        (Target(1, versus=2, reading="margin"), [3.0, 1.0]),
    ],
)
def test_scores_are_what_the_reading_says(target, scores):
    assert target.of(LOGITS).tolist() == pytest.approx(scores)
    assert target.unit == "logit"


def test_probabilities_are_of_the_softmax_and_a_margin_has_a_gradient_and_changes_no_logits():
    assert Target(1, reading="probability").of(LOGITS)[0].item() == pytest.approx(P[1])
    contrast = Target(1, versus=0, reading="probability")
    assert contrast.of(LOGITS)[0].item() == pytest.approx(P[1] - P[0])
    assert contrast.unit == "probability"
    logits = LOGITS.clone().requires_grad_()
    Target(0, reading="margin").of(logits).sum().backward()
    assert logits.grad.tolist() == [[1.0, -1.0, 0.0], [1.0, -1.0, 0.0]]
    assert torch.equal(logits.detach(), LOGITS)


def test_it_is_said_in_words():
    labels = ("cat", "dog", "cup")
    assert Target(0).words(labels) == "cat"
    assert Target(0, versus=2).words(labels) == "cat rather than cup"


def test_probabilities_are_the_softmax_of_the_logits():
    case = tiny.cnn_case()
    with torch.inference_mode():
        logits = case.model(case.image[None])[0].numpy()
    scores = answer(Prediction(), case)["classes"]
    np.testing.assert_allclose(scores.values, np.exp(logits) / np.exp(logits).sum(), rtol=1e-5)
    assert scores.values.sum() == pytest.approx(1.0, rel=1e-5)
    assert scores.labels == case.model.labels


def test_the_best_come_first_and_keep_their_index():
    scores = Scores(np.array([0.1, 0.6, 0.3], np.float32), ("a", "b", "c"), "probability")
    assert [(index, label) for index, label, _ in top_classes(scores, 2)] == [(1, "b"), (2, "c")]
