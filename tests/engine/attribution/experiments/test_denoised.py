"""One image denoised from itself, asked through the engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.attribution.experiments.cbsn import Denoised
from engine.attribution.experiments.cbsn.learning import DenoiserConfig, denoise_both, learn
from engine.attribution.experiments.cbsn.noise import FILTERS, drawn_noise, psnr
from engine.attribution.experiments.cbsn.own_image import CENTER, DENOISED, HIDDEN, NOISY
from engine.attribution.experiments.cbsn.seen import MASKED, OPEN
from engine.errors import BlindspotError
from engine.method import quiet
from engine.run import answer
from tests import tiny

QUICK = Denoised(steps=4, blocks=1, side=24, stride=3)


@pytest.fixture(scope="module")
def case():
    return replace(tiny.cnn_case(), image=tiny.image().mean(0, keepdim=True).expand(3, -1, -1))


def test_the_blind_output_does_not_see_its_own_pixel_and_the_other_does(case):
    center = answer(QUICK, case)["center"]
    assert center.cell(MASKED, "at the center") == 0
    assert center.cell(MASKED, "at most elsewhere") > 0
    clean = QUICK.shown(case.image)
    noisy = clean + drawn_noise(clean.shape, 0.15, 0.65, case.generator())
    net = learn(noisy, DenoiserConfig(3, 2, 2.0, 1, 16, 4), case.seed, quiet)
    parts = (noisy - noisy.mean()) / noisy.std(correction=0)
    parts.requires_grad_()
    result = net(parts, False)[0, 0, 12, 12]
    (slope,) = torch.autograd.grad(result, parts)
    assert center.cell(OPEN, "at the center") == pytest.approx(
        slope[0, 0, 12, 12].abs().item(), rel=1e-3
    )


def test_psnr_is_measured_against_the_image_before_the_noise(case):
    result = answer(QUICK, case)
    clean = QUICK.shown(case.image)
    noisy = clean + drawn_noise(clean.shape, 0.15, 0.65, case.generator())
    net = learn(noisy, DenoiserConfig(3, 2, 2.0, 1, 16, 4), case.seed, quiet)
    hidden, denoised = denoise_both(net, noisy, 3)
    for name, picture in {NOISY: noisy, HIDDEN: hidden, DENOISED: denoised}.items():
        assert result["psnr"].cell(name, "PSNR") == pytest.approx(psnr(picture, clean)[0], abs=1e-3)
    assert set(result["psnr"].rows) == {NOISY, DENOISED, HIDDEN, *FILTERS}
    pictures = dict(
        zip(result["picture"].columns, result["picture"].images[0].astype(int), strict=True)
    )
    wrong = 128 + 3 * (pictures["denoised"] - pictures["image"])
    assert (pictures["error × 3"] == wrong.clip(0, 255)).all()
    words = QUICK.finding(case, result)
    assert f"{result['psnr'].cell(DENOISED, 'PSNR'):.1f} dB" in words
    assert result["steps"][DENOISED][-1] == pytest.approx(
        result["psnr"].cell(DENOISED, "PSNR"), abs=1e-4
    )


def test_without_noise_of_ours_nothing_says_what_is_right(case):
    method = replace(QUICK, sigma=0.0)
    result = answer(method, case)
    assert not {"psnr", "steps"} & set(result)
    assert result["picture"].columns[0] == "image"
    assert result["picture"].columns[-1] == "removed × 3"
    assert "with noise" not in result["picture"].columns
    assert "what was removed" in result["autocorrelation"].order
    assert "own noise" in method.finding(case, result)


def test_gray_images_are_asked_in_one_channel_and_the_middle_stays_as_it_is(case):
    assert QUICK.shown(case.image).shape == (1, 1, 24, 24)
    assert QUICK.shown(tiny.image()).shape == (1, 3, 24, 24)
    middle = replace(QUICK, part=CENTER, side=24).shown(tiny.image(32))
    assert torch.equal(middle[0], tiny.image(32)[:, 4:28, 4:28])


def test_what_is_there_is_handed_over_while_it_learns_and_it_can_be_stopped(case):
    partials = []

    def stop(done, _words="", partial=None):
        partials.append(partial)
        if done > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        QUICK(case, stop)
    views = [partial for partial in partials if partial]
    assert "picture" in views[0]
    assert len(views[-1]["steps"]) == len(views)


def test_an_image_that_is_too_small_is_refused_with_a_sentence(case):
    small = replace(case, image=torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0)))
    with pytest.raises(BlindspotError, match="8 × 8 px, too few"):
        Denoised(steps=2, stride=5, cell=4)(small)


def test_color_images_keep_their_colors(case):
    result = answer(QUICK, replace(case, image=tiny.image()))
    pixels = result["picture"].images[0, 2]
    assert np.ptp(pixels.astype(int), axis=-1).max() > 0


def test_nothing_is_said_to_be_removed_of_an_image_that_is_the_same_everywhere(case):
    method, black = replace(QUICK, sigma=0.0), replace(case, image=torch.zeros_like(case.image))
    result = answer(method, black)
    assert np.isnan(result["autocorrelation"]["what was removed"][1])
    assert method.finding(black, result).startswith("Nothing was removed")
