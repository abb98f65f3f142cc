"""SALM: the mask re-derived by plain sorting, its size, its control, and its limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.unlearning import ErrorMinimizing, Salm
from engine.unlearning.protection.local_masks import background
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
