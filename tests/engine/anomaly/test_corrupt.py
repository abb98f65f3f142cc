"""Images made worse: nothing at 0, more and more after it, and what the score makes of it."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from engine.anomaly import Corrupt, FamiliarCase
from engine.anomaly.protocol.corrupt import LEVELS
from engine.anomaly.protocol.corruption import CORRUPTIONS, corrupted
from engine.data import load
from engine.models import catalog
from tests import tiny

PIXELS = torch.rand(4, 3, 24, 24, generator=tiny.seeded(0))


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_nothing_happens_at_zero_and_more_and_more_after_it(kind):
    assert torch.equal(corrupted(PIXELS, kind, 0.0), PIXELS)
    far = [float((corrupted(PIXELS, kind, s) - PIXELS).abs().mean()) for s in (0.1, 0.4, 1.0)]
    assert 0 < far[0] < far[1] < far[2]


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_images_stay_images_and_the_seed_decides(kind):
    result = corrupted(PIXELS, kind, 0.8, seed=3)
    assert result.shape == PIXELS.shape
    assert 0 <= result.min() <= result.max() <= 1
    assert torch.equal(result, corrupted(PIXELS, kind, 0.8, seed=3))


def test_contrast_keeps_the_mean_and_shrinks_the_deviation():
    result = corrupted(PIXELS, "contrast", 1.0)
    assert result.mean((1, 2, 3)) == pytest.approx(PIXELS.mean((1, 2, 3)).numpy(), abs=1e-5)
    assert float(result.std() / PIXELS.std()) == pytest.approx(0.05, abs=0.01)


def test_a_flat_picture_is_not_changed_by_blur_or_a_turn():
    flat = torch.full((1, 3, 24, 24), 0.3)
    for kind in ("blur", "rotation", "contrast"):
        assert corrupted(flat, kind, 0.7) == pytest.approx(0.3, abs=1e-5)


def test_a_quarter_turn_turns_a_picture_by_a_quarter():
    assert torch.allclose(
        corrupted(PIXELS, "rotation", 1.0), torch.rot90(PIXELS, 1, (2, 3)), atol=1e-4
    )


def test_half_of_the_picture_is_covered_at_one():
    bright = torch.ones(5, 3, 40, 40)
    covered = (corrupted(bright, "occlusion", 1.0)[:, 0] == 0.5).float().mean((1, 2))
    assert covered == pytest.approx(0.5, abs=0.02)


def test_noise_of_half_a_brightness_at_one_before_it_is_cut():
    gray = torch.full((1, 3, 200, 200), 0.5)
    result = corrupted(gray, "noise", 0.2)
    assert float(result.std()) == pytest.approx(0.1, abs=0.005)


@pytest.fixture(scope="module")
def found():
    data = load("digits")
    image = data.pixels(data.rows("test")[:1])[0].contiguous()
    case = FamiliarCase(catalog.load("digits-mlp"), image, data)
    return Corrupt(images=128)(case)


def test_noise_on_digits_raises_the_score_as_accuracy_falls(found):
    steps = dict(zip(found["steps"].columns, found["steps"].values.T, strict=True))
    normal, right = steps["median normal score"], steps["accuracy"]
    assert len(normal) == len(LEVELS)
    assert right[0] > right[-1] + 0.25
    assert normal[-1] > normal[4] > normal[0]
    assert steps["AUROC against untouched"][-1] > 0.8
    assert steps["median normal p-value"][-1] < 0.15
    flagged = (found["flags"].values <= 0.05).mean(0)
    assert flagged[0] < 0.12
    assert flagged[-1] > 0.3


def test_untouched_images_are_told_from_untouched_ones_by_chance(found):
    steps = dict(zip(found["steps"].columns, found["steps"].values.T, strict=True))
    assert steps["AUROC against untouched"][0] == pytest.approx(0.5, abs=0.05)
    assert np.median(found["flags"]["severity 0"]) == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("severity", [0.3, 1.0])
def test_blur_is_gaussian_with_a_twelfth_of_the_side_at_its_strongest(severity):
    sigma = severity * 24 / 12
    slow = gaussian_filter(
        PIXELS.double().numpy(), (0, 0, sigma, sigma), mode="nearest", radius=round(3 * sigma)
    )
    assert corrupted(PIXELS, "blur", severity).numpy() == pytest.approx(slow, abs=1e-4)
