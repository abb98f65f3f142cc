"""Noise or the filter on an uploaded image: each step by hand, its bounds, and its mask."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from engine.core.pictures import as_bytes
from engine.unlearning import EasyImage, LocallyMaskedImage, ProtectImage, RandomNoiseOnImage
from engine.unlearning.protection.local_masks import background
from engine.unlearning.protection.own_image import surprise
from engine.unlearning.protection.own_random import TILE
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.data.protect import draw_filters, legacy
from tests import tiny

BOTH = pytest.mark.parametrize("kind", [EasyImage, LocallyMaskedImage])


def case():
    """A random image with black and white pixels, asked of the tiny network."""
    image_case = tiny.cnn_case()
    image = image_case.image.clone()
    image[:, :2], image[:, 2:4] = 0, 1
    return replace(image_case, image=image)


def bytes_and_pixels(asked):
    clean = as_bytes(asked.image)
    return clean, torch.from_numpy(clean.transpose(2, 0, 1) / np.float32(255))


def error_slope(asked, image):
    """The gradient of −log p of the target's class."""
    pixels = image[None].clone().requires_grad_()
    logits = asked.model(pixels)
    (-logits.log_softmax(1)[0, asked.target.index]).backward()
    return pixels.grad[0]


def test_each_step_follows_the_sign_of_the_gradient_of_the_error():
    question = case()
    clean, image = bytes_and_pixels(question)
    noise = torch.zeros_like(image)
    for _ in range(3):
        noise = noise - 0.3 * 8 / 255 * error_slope(question, image + noise).sign()
        noise = noise.clamp(-8 / 255, 8 / 255)
        noise = torch.maximum(torch.minimum(noise, 1 - image), -image)
    after = EasyImage(8, 3, 0.3)(question)["picture"].images[0, 1].astype(int)
    expected = clean + np.rint(255 * noise.numpy()).transpose(1, 2, 0)
    assert (after == expected).mean() > 0.999  # a slope near zero may round to the other side
    assert (after != clean).mean() > 0.5


@BOTH
@pytest.mark.parametrize("epsilon", [0, 1, 8, 32])
def test_its_bounds_hold_exactly_in_bytes_and_the_model_is_surer(kind, epsilon):
    question = case()
    result = kind(epsilon)(question)
    before, after = result["picture"].images[0, :2].astype(int)
    assert np.abs(after - before).max() == epsilon
    sure = result["probability"]
    assert (sure["after"] > sure["before"]) if epsilon else (sure["after"] == sure["before"])


def test_the_mask_is_where_the_gradient_is_largest_and_nothing_else_changes():
    question = case()
    result = LocallyMaskedImage(8, kappa=0.1)(question)
    picture = result["picture"]
    assert picture.columns == ("before", "after", "difference × 10", "mask")
    mask = picture.images[0, 3, ..., 0] > 0
    sizes = error_slope(question, bytes_and_pixels(question)[1]).abs().sum(0).numpy()
    count = int(0.1 * mask.size)
    assert mask.sum() == count
    assert sizes[mask].min() >= sizes[~mask].max()
    before, after = picture.images[0, :2].astype(int)
    changed = (before != after).any(-1)
    assert not changed[~mask].any()
    assert changed.sum() > 0.4 * count  # black and white ones have room on one side


def test_all_pixels_are_error_minimizing_noise_and_the_background_stays_where_that_is_asked():
    masked = LocallyMaskedImage(8, kappa=1.0)(case())
    plain = EasyImage(8)(case())
    assert (masked["picture"].images[0, 1] == plain["picture"].images[0, 1]).all()
    assert masked["probability"].values.tolist() == plain["probability"].values.tolist()
    question = case()
    dark = background(as_bytes(question.image).transpose(2, 0, 1)[None])[0]
    assert dark[:2].all()
    before, after = LocallyMaskedImage(8, kappa=1.0, inside=True)(question)["picture"].images[0, :2]
    assert (before == after)[dark].all()
    assert (before != after)[~dark].any()


@BOTH
def test_a_model_of_several_findings_is_asked_for_the_one_that_is_meant(kind):
    image_case = tiny.cnn_case()
    model = tiny.cnn()
    model.points = (0.3, 0.5, 0.2, 0.6)
    question = ImageCase(model, image_case.image, Target(2))
    logits = torch.linspace(-2, 3, len(model.points))[None].requires_grad_()
    surprise(question)(logits).backward()
    assert logits.grad[0].nonzero().tolist() == [[2]]  # other findings do not compete with it
    surprise(image_case)(far := torch.tensor([[300.0, 0, 0, 0]]).requires_grad_()).backward()
    assert far.grad.abs().max() == 1  # nor is a probability of 0 without a slope
    for case in (question, image_case):
        both = surprise(case)(torch.cat([logits, -logits]))
        torch.testing.assert_close(both, surprise(case)(logits) + surprise(case)(-logits))
    result = kind(16)(question)
    assert result["probability"]["after"] > result["probability"]["before"]


def test_it_is_the_correlation_written_out_and_nothing_at_strength_zero():
    case = tiny.cnn_case()
    clean = as_bytes(case.image)
    kernel = draw_filters(legacy(8), 3, 0.4, 5)[2]
    channels = np.moveaxis(clean / 255, 2, 0)
    blurred = np.stack([correlate(each, kernel, mode="constant") for each in channels], axis=-1)
    expected = blurred / blurred.max() * 255
    result = ProtectImage(blur=0.4, size=5, number=2, key=8)(case)
    before, after, change = result["picture"].images[0]
    assert (before == clean).all()
    assert np.abs(after - expected).max() <= 1 + 1e-3
    assert (change == np.clip(128 + 3 * (after.astype(int) - clean), 0, 255)).all()
    probability = case.model.logits(case.image[None]).softmax(1)[0, case.target.index].item()
    assert result["probability"].values[0] == pytest.approx(probability, abs=0.01)  # of bytes
    unchanged = ProtectImage(strength=0.0)(case)
    assert (unchanged["picture"].images[0, 1] == clean).all()
    assert unchanged["probability"].values[0] == unchanged["probability"].values[1]


def test_the_stronger_it_is_the_more_it_changes_and_an_image_of_any_shape_keeps_it():
    image = np.random.default_rng(0).integers(0, 255, (17, 30, 3), dtype=np.uint8)
    methods = [ProtectImage(strength=strength) for strength in (0.0, 0.3, 0.6, 1.0)]
    changes = [np.abs(noise(method, image)).mean() for method in methods]
    assert changes == sorted(changes)
    assert changes[0] == 0 < changes[1]


def noise(method, image):
    """What is added, in gray levels."""
    return method.apply(image).astype(int) - image


def test_every_value_moves_by_epsilon_where_a_byte_has_room():
    case = tiny.cnn_case()
    for epsilon in (1, 8, 32):
        before, after, change = RandomNoiseOnImage(epsilon=epsilon)(case)["picture"].images[0]
        added = after.astype(int) - before
        room = np.abs(before - 127.5) <= 127.5 - epsilon
        assert (np.abs(added[room]) == epsilon).all()
        assert np.abs(added).max() == epsilon
        assert abs(np.sign(added[room]).mean()) < 0.2
        assert (change == np.clip(128 + 10 * added, 0, 255)).all()
    assert not noise(RandomNoiseOnImage(epsilon=0), before).any()


def test_images_of_a_class_share_it_whatever_their_size():
    gray = np.full((TILE + 20, TILE + 40, 3), 128, np.uint8)
    method = RandomNoiseOnImage(number=2, key=5)
    whole, part = noise(method, gray), noise(method, gray[:50, :60])
    assert (whole[:50, :60] == part).all()
    assert (whole[TILE:, :] == whole[:20, :]).all()
    assert (whole != whole[..., :1]).any()  # a gray image does not stay gray
    for other in (replace(method, number=3), replace(method, key=6)):
        assert (noise(other, gray) == whole).mean() < 0.6
