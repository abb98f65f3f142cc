"""One image denoised from itself; noise that neighbors share, and the filters beside it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.attribution.cbsn import Denoised
from engine.attribution.cbsn.learning import DenoiserConfig, denoise_both, learn
from engine.attribution.cbsn.noise import (
    BLOCK,
    FACTORS,
    FILTERS,
    KEEP,
    Filter,
    autocorrelation,
    best_filter,
    drawn_noise,
    estimated,
    psnr,
    shrinkage,
)
from engine.attribution.cbsn.own_image import CENTER, DENOISED, HIDDEN, NOISY
from engine.attribution.cbsn.seen import MASKED, OPEN
from engine.core.errors import BlindspotError
from engine.core.method import quiet
from engine.core.run import answer
from tests import tiny

QUICK = Denoised(steps=4, blocks=1, side=24, stride=3)


@pytest.fixture(scope="module")
def case():
    return replace(tiny.cnn_case(), image=tiny.image().mean(0, keepdim=True).expand(3, -1, -1))


def test_the_blind_output_does_not_see_its_own_pixel_and_the_other_does(case):
    """Its PSNR is measured against the image before the noise."""
    result = answer(QUICK, case)
    center = result["center"]
    assert center.cell(MASKED, "at the center") == 0
    assert center.cell(MASKED, "at most elsewhere") > 0
    clean = QUICK.shown(case.image)
    noisy = clean + drawn_noise(clean.shape, 0.15, 0.65, case.generator())
    net = learn(noisy, DenoiserConfig(3, 2, 2.0, 1, 16, 4), case.seed, quiet)
    parts = ((noisy - noisy.mean()) / noisy.std(correction=0)).requires_grad_()
    (slope,) = torch.autograd.grad(net(parts, False)[0, 0, 12, 12], parts)
    own = slope[0, 0, 12, 12].abs().item()
    assert center.cell(OPEN, "at the center") == pytest.approx(own, rel=1e-3)
    hidden, denoised = denoise_both(net, noisy, 3)
    for name, picture in {NOISY: noisy, HIDDEN: hidden, DENOISED: denoised}.items():
        assert result["psnr"].cell(name, "PSNR") == pytest.approx(psnr(picture, clean)[0], abs=1e-3)
    assert set(result["psnr"].rows) == {NOISY, DENOISED, HIDDEN, *FILTERS}
    view, end = result["picture"], result["psnr"].cell(DENOISED, "PSNR")
    pictures = dict(zip(view.columns, view.images[0].astype(int), strict=True))
    wrong = 128 + 3 * (pictures["denoised"] - pictures["image"])
    assert (pictures["error × 3"] == wrong.clip(0, 255)).all()
    assert f"{end:.1f} dB" in QUICK.finding(case, result)
    assert result["steps"][DENOISED][-1] == pytest.approx(end, abs=1e-4)


def test_without_noise_of_ours_nothing_was_removed_and_gray_images_have_one_channel(case):
    method = replace(QUICK, sigma=0.0)
    result = answer(method, case)
    assert not {"psnr", "steps"} & set(result)
    first, *others, last = result["picture"].columns
    assert (first, last) == ("image", "removed × 3")
    assert "with noise" not in others
    assert "what was removed" in result["autocorrelation"].order
    assert "own noise" in method.finding(case, result)
    black = replace(case, image=torch.zeros_like(case.image))
    result = answer(method, black)
    assert np.isnan(result["autocorrelation"]["what was removed"][1])
    assert method.finding(black, result).startswith("Nothing was removed")
    assert QUICK.shown(case.image).shape == (1, 1, 24, 24)
    assert QUICK.shown(tiny.image()).shape == (1, 3, 24, 24)
    middle = replace(QUICK, part=CENTER, side=24).shown(tiny.image(32))
    assert torch.equal(middle[0], tiny.image(32)[:, 4:28, 4:28])
    pixels = answer(QUICK, replace(case, image=tiny.image()))["picture"].images[0, 2]
    assert np.ptp(pixels.astype(int), axis=-1).max() > 0


def test_pictures_are_handed_over_while_it_learns_and_small_images_are_refused(case):
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
    small = replace(case, image=torch.rand(3, 8, 8, generator=tiny.seeded(0)))
    with pytest.raises(BlindspotError, match="8 × 8 px, too few"):
        Denoised(steps=2, stride=5, cell=4)(small)


def noise(sigma=0.1, correlation=0.65, side=300):
    return drawn_noise((1, 1, side, side), sigma, correlation, tiny.seeded(0))


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.65, 0.7])
def test_noise_has_the_deviation_and_the_correlation_that_were_asked_for(correlation):
    result = noise(0.2, correlation)
    shared = autocorrelation(result, 4)
    assert result.std().item() == pytest.approx(0.2, rel=0.03)
    assert shared[0] == pytest.approx(1)
    assert shared[1] == pytest.approx(correlation, abs=0.03)
    assert abs(shared[3:]).max() < 0.03


def test_psnr_autocorrelation_the_estimate_and_shrinkage_are_those_of_their_formulas():
    result = torch.randn(1, 1, 8, 9, generator=tiny.seeded(2)).double()
    values = (result - result.mean())[0, 0].numpy()
    expected = ((values[:, 2:] * values[:, :-2]).mean() + (values[2:] * values[:-2]).mean()) / 2
    assert autocorrelation(result, 2)[2] == pytest.approx(expected / (values**2).mean(), abs=1e-6)
    assert np.isnan(autocorrelation(result, 8)[8])
    truth = torch.full((1, 1, 4, 4), 0.5)
    assert psnr(truth + 0.1, truth)[0] == pytest.approx(20, abs=1e-3)
    assert psnr(truth + 9, truth)[0] == pytest.approx(-10 * np.log10(0.25), abs=1e-3)
    white, shared = (
        noise(correlation=correlation)[0].permute(1, 2, 0).numpy() for correlation in (0.0, 0.65)
    )
    assert estimated(white) == pytest.approx(0.1, rel=0.05)
    assert estimated(shared) < 0.06
    from scipy.fft import dctn, idctn

    image = np.random.default_rng(0).normal(size=(20, 18, 1))
    estimates = []  # of the pixel in row 9 and column 8, by each block that holds it
    for down, right in np.ndindex(BLOCK, BLOCK):
        parts = dctn(image[9 - down :, 8 - right :, 0][:BLOCK, :BLOCK], norm="ortho")
        shrunk = np.where(abs(parts) < KEEP * 0.4, 0, parts)
        shrunk[0, 0] = parts[0, 0]
        estimates.append(idctn(shrunk, norm="ortho")[down, right])
    assert shrinkage(image, 0.4)[9, 8, 0] == pytest.approx(np.mean(estimates))
    assert shrinkage(image, 0.0) == pytest.approx(image)


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_takes_white_noise_off_and_is_given_its_best_factor(name):
    ramp = torch.linspace(0.2, 0.8, 40)
    truth = ramp.expand(1, 3, 40, 40) if name == "total variation" else ramp.expand(1, 1, 40, 40)
    noisy = truth + drawn_noise(truth.shape, 0.1, 0.0, tiny.seeded(0))
    nearness = [psnr(Filter(name, factor)(noisy), truth)[0] for factor in FACTORS]
    assert best_filter(name, noisy, truth).factor == FACTORS[int(np.argmax(nearness))]
    assert max(nearness) > psnr(noisy, truth)[0] + 4
