"""SALM: the mask re-derived by plain sorting, its size, its control, and its limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.unlearning import ErrorMinimizing, Salm
from engine.unlearning.protection.local_masks import (
    background,
    overlap,
    pixel_count,
    random_masks,
    steepest_pixels,
)
from tests.engine.unlearning.protection import published
from tests.engine.unlearning.protection.test_error_minimizing import BRIEF, case

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


def test_with_all_pixels_it_is_error_minimizing_noise_to_the_last_bit():
    masked = Salm(8, **BRIEF, kappa=1.0)(case())
    plain = ErrorMinimizing(8, **BRIEF)(case())
    assert (masked["noise"].levels == plain["noise"].levels).all()
    errors = "surrogate's error"
    assert masked["rounds"][errors].tolist() == plain["rounds"][errors].tolist()


@pytest.mark.parametrize("mask", ["gradient", "random"])
@pytest.mark.parametrize("kappa", [0.01, 0.29, 0.5])
def test_no_image_changes_in_more_pixels_than_its_mask_has(mask, kappa):
    noise = Salm(8, **BRIEF, kappa=kappa, mask=mask)(case())["noise"].levels
    changed = (noise != 0).any(1).sum((1, 2))
    assert 0 < changed.max() <= int(kappa * PIXELS)
    assert changed.mean() > 0.6 * int(kappa * PIXELS)


def test_fewer_pixels_are_seen_less():
    few, many = (Salm(8, **BRIEF, kappa=kappa)(case())["figures"] for kappa in (0.1, 1.0))
    assert few["PSNR"][0] > many["PSNR"][0]
    assert few["SSIM"][0] > many["SSIM"][0]
    assert few["pixels changed"][0] <= 0.1 < many["pixels changed"][0]


def test_a_first_mask_stays_and_a_random_one_is_no_mask_of_gradients():
    settings = BRIEF | {"rounds": 3, "kappa": 0.1}
    moving, frozen, chance = (
        Salm(8, **settings, **options)(case())
        for options in ({}, {"frozen": True}, {"mask": "random"})
    )
    assert np.isnan(moving["rounds"]["mask kept"][0])
    assert (moving["rounds"]["mask kept"][1:] < 1).all()
    for result in (frozen, chance):
        assert (result["rounds"]["mask kept"][1:] == 1).all()
    where = [(result["noise"].levels != 0) for result in (moving, frozen, chance)]
    assert (where[0] != where[1]).any()
    shared = (where[1] & where[2]).sum() / where[2].sum()
    assert shared < 0.25  # chance is a tenth


def test_the_background_stays_as_it_is_where_that_is_asked():
    question = case()
    images = question.data.images.copy()
    images[..., :5] = 3  # dark, and at the border
    question = replace(question, data=replace(question.data, images=images))
    dark = background(images[question.data.rows("train")])
    assert dark[..., :5].all()
    results = {
        inside: Salm(8, **BRIEF, kappa=0.6, inside=inside)(question) for inside in (False, True)
    }
    assert not results[True]["noise"].levels[dark[:, None]].any()
    assert results[False]["noise"].levels[dark[:, None]].any()
    name = "noise off the background"
    assert results[True]["figures"][name][0] == 1
    assert 0 < results[False]["figures"][name][0] < 1


def test_a_share_of_pixels_is_rounded_down():
    assert pixel_count(0.3, 8, 8) == 19
    assert pixel_count(0.29, 10, 10) == 29
    assert pixel_count(1.0, 7, 9) == 63
    assert pixel_count(0.01, 8, 8) == 0


def test_channels_count_together_and_the_brighter_of_equal_pixels_comes_first():
    slopes = torch.tensor([[[[1.0, -3.0], [0.0, 2.0]], [[1.0, 0.0], [-2.0, 0.0]]]])
    images = torch.tensor([[[[0.1, 0.5], [0.3, 0.9]], [[0.1, 0.5], [0.3, 0.9]]]])
    everywhere = torch.ones(1, 2, 2, dtype=torch.bool)
    assert steepest_pixels(slopes, images, 0.25, everywhere).tolist() == [
        [[False, True], [False, False]]
    ]
    assert steepest_pixels(slopes, images, 0.5, everywhere).tolist() == [
        [[False, True], [False, True]]
    ]
    assert steepest_pixels(slopes, images, 0.75, everywhere).tolist() == [
        [[False, True], [True, True]]
    ]
    allowed = torch.tensor([[[True, False], [True, True]]])
    assert steepest_pixels(slopes, images, 0.75, allowed).tolist() == [
        [[True, False], [True, True]]
    ]
    allowed = torch.tensor([[[True, False], [False, False]]])
    assert steepest_pixels(slopes, images, 0.75, allowed).tolist() == [
        [[True, False], [False, False]]
    ]


def test_chance_marks_as_many_pixels_and_others_in_each_image():
    allowed = np.ones((20, 8, 8), bool)
    allowed[:, 0] = False
    result = random_masks(allowed, 0.3, 0)
    assert (result.sum((1, 2)) == 19).all()
    assert not result[:, 0].any()
    assert (result[0] != result[1]).any()
    assert (random_masks(allowed, 0.3, 0) == result).all()
    assert (random_masks(allowed, 0.3, 1) != result).any()
    assert overlap(result[1:], result[:-1]) == pytest.approx(19 / 56, abs=0.08)


def test_dark_regions_are_background_only_where_they_reach_the_border():
    image = np.full((3, 7, 7), 100, np.uint8)
    image[:, :2] = 5
    image[:, 4, 4] = 5  # a dark place inside
    image[0, 0, 3] = 90  # bright in one channel
    result = background(image[None])[0]
    expected = np.zeros((7, 7), bool)
    expected[:2] = True
    expected[0, 3] = False
    assert (result == expected).all()


def test_the_overlap_is_the_share_of_a_mask_that_was_there_before():
    masks = np.array([[[1, 1, 0, 0]], [[0, 1, 1, 1]]], bool)
    other_masks = np.array([[[1, 0, 0, 1]], [[0, 0, 0, 1]]], bool)
    assert overlap(masks, other_masks) == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert np.isnan(overlap(np.zeros_like(masks), other_masks))
