"""Error-minimizing noise and SALM beside the published loop written out, bounds, masks, ends."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.unlearning import ErrorMinimizing, Salm
from engine.unlearning.protection import local_masks
from engine.unlearning.protection.in_rounds import NoiseLoop
from engine.vision.lab import TrainCase
from engine.vision.training import Recipe
from tests import tiny
from tests.engine.unlearning.protection import published

RECIPE = Recipe("phantom_cnn", epochs=2, batch=10, schedule="constant", width=0.5)
BRIEF = {"rounds": 2, "batches": 3, "steps": 4, "stop": 0.0}


def case(seed=5):
    """Three classes of columns; the darkest and brightest values are among the pixels."""
    data = tiny.columns(16, ("a", "b", "c"))
    images = data.images.copy()
    images[..., 12], images[..., 13] = 0, 255
    return TrainCase(replace(data, images=images), RECIPE, seed)


@pytest.mark.parametrize("per", ["image", "class"])
def test_two_rounds_are_those_of_the_published_loop_written_out(per):
    result = ErrorMinimizing(8, **BRIEF, per=per)(case())["noise"].levels
    expected, _ = published.loop(case(), 2, 3, 4, 8, by_class=per == "class")
    assert (result == expected).all()
    assert len(np.unique(result)) > 5


@pytest.mark.parametrize("epsilon", [0, 1, 8, 32])
def test_the_bounds_hold_exactly_in_gray_levels(epsilon):
    question = case()
    result = ErrorMinimizing(epsilon, **BRIEF | {"step": 1.0})(question)["noise"].levels.astype(int)
    clean = question.data.images[question.data.rows("train")].astype(int)
    assert np.abs(result).max() == epsilon
    assert 0 <= (clean + result).min() < (clean + result).max() <= 255


def test_noise_of_a_class_is_one_wherever_its_images_have_room():
    question = case()
    result = ErrorMinimizing(8, **BRIEF, per="class")(question)["noise"].levels
    rows = question.data.rows("train")
    clean, labels = question.data.images[rows], question.data.labels[rows]
    room = ((clean >= 8) & (clean <= 247)).all(0)
    for label in range(3):
        class_noise = result[labels == label][:, room]
        assert (class_noise == class_noise[0]).all()
    assert (result[labels == 0][0] != result[labels == 1][0]).any()


def test_it_ends_when_the_surrogate_is_right_on_the_noisy_images():
    question, settings = case(), BRIEF | {"rounds": 12, "batches": 8}
    reports = []
    whole = ErrorMinimizing(16, **settings)(question, lambda _, words="": reports.append(words))
    assert {"round 1 of at most 12", "round 12 of at most 12"} <= set(reports)
    early = ErrorMinimizing(16, **settings | {"stop": 0.5})(question)
    errors = whole["rounds"]["surrogate's error"]
    assert len(errors) == 12
    first = int(np.argmax(errors < 0.5))
    assert 0 <= first < 11
    assert early["rounds"]["surrogate's error"].tolist() == errors[: first + 1].tolist()
    assert early["rounds"]["round"].tolist() == list(range(1, first + 2))


def test_the_surrogate_s_error_is_that_on_the_images_as_they_are_released():
    """Labels are drawn, so that the noise alone says them: on clean images more is wrong."""
    question, wrong = case(), {}
    drawn = np.random.default_rng(0).permutation(question.data.labels)
    question = replace(question, data=replace(question.data, labels=drawn))
    loop = NoiseLoop(ErrorMinimizing(32, **BRIEF), question)
    for _ in range(BRIEF["rounds"]):
        list(loop.take_turns())
    rows = question.data.rows("train")
    for name, noise in {"clean": 0, "released": loop.levels()}.items():
        pixels = torch.from_numpy((question.data.images[rows] + noise) / np.float32(255))
        predictions = loop.model(pixels.expand(-1, 3, -1, -1)).argmax(1).numpy()
        wrong[name] = (predictions != question.data.labels[rows]).mean()
    assert loop.errors[-1] == pytest.approx(wrong["released"])
    assert wrong["released"] < wrong["clean"]


PIXELS = 16 * 16


def test_the_mask_is_that_of_the_largest_gradients_at_the_noisy_images():
    question = case()
    result = Salm(8, **BRIEF, kappa=0.1)(question)
    expected, masks = published.loop(case(), 2, 3, 4, 8, count=25)
    assert (result["noise"].levels == expected).all()
    assert (masks[0] != masks[1]).any()
    rows, sampled = question.data.rows("train"), question.data.some("train", 8)
    sampled = sampled[np.argsort(question.data.labels[sampled], kind="stable")]
    assert result["picture"].rows[1] == "mask"
    drawn = result["picture"].images[1, ..., 0] > 0
    assert (drawn == masks[1][np.searchsorted(rows, sampled)]).all()
    kept_share = (masks[1] & masks[0]).sum((1, 2)) / 25
    assert result["rounds"]["mask kept"][1] == pytest.approx(kept_share.mean())


def test_with_all_pixels_it_is_error_minimizing_noise_and_fewer_are_seen_less():
    masked = Salm(8, **BRIEF, kappa=1.0)(case())
    plain = ErrorMinimizing(8, **BRIEF)(case())
    assert (masked["noise"].levels == plain["noise"].levels).all()
    errors = "surrogate's error"
    assert masked["rounds"][errors].tolist() == plain["rounds"][errors].tolist()
    few, many = Salm(8, **BRIEF, kappa=0.1)(case())["figures"], masked["figures"]
    assert few["PSNR"][0] > many["PSNR"][0]
    assert few["SSIM"][0] > many["SSIM"][0]
    assert few["pixels changed"][0] <= 0.1 < many["pixels changed"][0]


@pytest.mark.parametrize("mask", ["gradient", "random"])
@pytest.mark.parametrize("kappa", [0.01, 0.29, 0.5])
def test_no_image_changes_in_more_pixels_than_its_mask_has(mask, kappa):
    noise = Salm(8, **BRIEF, kappa=kappa, mask=mask)(case())["noise"].levels
    changed = (noise != 0).any(1).sum((1, 2))
    assert 0 < changed.max() <= int(kappa * PIXELS)
    assert changed.mean() > 0.6 * int(kappa * PIXELS)


def test_a_first_mask_stays_and_a_random_one_is_no_mask_of_gradients():
    settings = BRIEF | {"rounds": 3, "kappa": 0.1}
    forms = {}, {"frozen": True}, {"mask": "random"}
    moving, frozen, chance = (Salm(8, **settings, **form)(case()) for form in forms)
    assert np.isnan(moving["rounds"]["mask kept"][0])
    assert (moving["rounds"]["mask kept"][1:] < 1).all()
    for result in (frozen, chance):
        assert (result["rounds"]["mask kept"][1:] == 1).all()
    where = [(result["noise"].levels != 0) for result in (moving, frozen, chance)]
    assert (where[0] != where[1]).any()
    shared = (where[1] & where[2]).sum() / where[2].sum()
    assert shared < 0.25  # chance is a tenth


def test_the_background_stays_where_that_is_asked_dark_regions_that_reach_the_border():
    question = case()
    images = question.data.images.copy()
    images[..., :5] = 3  # dark, and at the border
    question = replace(question, data=replace(question.data, images=images))
    dark = local_masks.background(images[question.data.rows("train")])
    assert dark[..., :5].all()
    name, settings = "noise off the background", BRIEF | {"kappa": 0.6}
    anywhere, inside = (Salm(8, **settings, inside=side)(question) for side in (False, True))
    assert not inside["noise"].levels[dark[:, None]].any()
    assert anywhere["noise"].levels[dark[:, None]].any()
    assert 0 < anywhere["figures"][name][0] < inside["figures"][name][0] == 1
    image, expected = np.full((3, 7, 7), 100, np.uint8), np.zeros((7, 7), bool)
    image[:, :2], expected[:2] = 5, True
    image[:, 4, 4] = 5  # a dark place inside
    image[0, 0, 3], expected[0, 3] = 90, False  # bright in one channel
    assert (local_masks.background(image[None])[0] == expected).all()


def test_channels_count_together_and_the_brighter_of_equal_pixels_comes_first():
    slopes = torch.tensor([[[[1.0, -3.0], [0.0, 2.0]], [[1.0, 0.0], [-2.0, 0.0]]]])
    images = torch.tensor([[[[0.1, 0.5], [0.3, 0.9]], [[0.1, 0.5], [0.3, 0.9]]]])
    everywhere = [[1, 1], [1, 1]]
    for share, allowed, expected in (
        (0.25, everywhere, [[0, 1], [0, 0]]),
        (0.5, everywhere, [[0, 1], [0, 1]]),
        (0.75, everywhere, [[0, 1], [1, 1]]),
        (0.75, [[1, 0], [1, 1]], [[1, 0], [1, 1]]),
        (0.75, [[1, 0], [0, 0]], [[1, 0], [0, 0]]),
    ):
        may = torch.tensor([allowed], dtype=torch.bool)
        assert local_masks.steepest_pixels(slopes, images, share, may).int().tolist() == [expected]


def test_chance_marks_as_many_pixels_and_others_in_each_image():
    allowed = np.ones((20, 8, 8), bool)
    allowed[:, 0] = False
    result = local_masks.random_masks(allowed, 0.3, 0)
    assert (result.sum((1, 2)) == 19).all()
    assert not result[:, 0].any()
    assert (result[0] != result[1]).any()
    assert (local_masks.random_masks(allowed, 0.3, 0) == result).all()
    assert (local_masks.random_masks(allowed, 0.3, 1) != result).any()
    assert local_masks.overlap(result[1:], result[:-1]) == pytest.approx(19 / 56, abs=0.08)


def test_the_overlap_is_the_share_of_a_mask_that_was_there_before_and_a_share_is_rounded_down():
    masks = np.array([[[1, 1, 0, 0]], [[0, 1, 1, 1]]], bool)
    other_masks = np.array([[[1, 0, 0, 1]], [[0, 0, 0, 1]]], bool)
    assert local_masks.overlap(masks, other_masks) == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert np.isnan(local_masks.overlap(np.zeros_like(masks), other_masks))
    sizes = (0.3, 8, 8), (0.29, 10, 10), (1.0, 7, 9), (0.01, 8, 8)
    assert [local_masks.pixel_count(*size) for size in sizes] == [19, 29, 63, 0]
