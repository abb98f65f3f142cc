"""Corruptions do what they are called, more at each severity, and the same for a seed."""

import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch.nn import functional as F

from engine.evaluation.measures.corruptions import CORRUPTIONS, SEVERITIES, corrupted


def images(side=32):
    """Soft spots with some noise, from 0.3 to 0.7."""
    generator = torch.Generator().manual_seed(0)
    spots = torch.rand(3, 3, 5, 5, generator=generator)
    soft = F.interpolate(spots, size=(side, side), mode="bilinear", align_corners=True)
    return 0.3 + 0.3 * soft + 0.1 * torch.rand(3, 3, side, side, generator=generator)


@pytest.mark.parametrize("kind", CORRUPTIONS)
@pytest.mark.parametrize("side", [8, 28, 64])
def test_each_severity_takes_an_image_further_away(kind, side):
    plain = images(side)
    far = []
    for severity in SEVERITIES:
        worse = corrupted(plain, kind, severity)
        assert worse.shape == plain.shape
        assert worse.min() >= 0
        assert worse.max() <= 1
        assert torch.equal(worse, corrupted(plain, kind, severity))
        far.append((worse - plain).square().mean().item())
    assert 0 < far[0] < far[1] < far[2]


def test_each_is_what_it_is_called():
    plain = images()
    bright = corrupted(plain, "brightness", 2)
    assert bright.mean() == pytest.approx(plain.mean().item() + 0.2, abs=1e-4)
    flat = corrupted(plain, "contrast", 3) - plain.mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(flat, 0.2 * (plain - plain.mean((1, 2, 3), keepdim=True)))
    rough = corrupted(plain, "blur", 2)
    assert (rough[..., 1:] - rough[..., :-1]).std() < (plain[..., 1:] - plain[..., :-1]).std() / 2
    blocks = corrupted(plain, "pixelate", 1)
    assert torch.equal(blocks[..., ::2], blocks[..., 1::2])
    noisy = corrupted(plain, "noise", 1) - plain
    assert noisy.std() == pytest.approx(0.08, rel=0.1)
    assert torch.allclose(noisy[:, 0], noisy[:, 1], atol=1e-6)
    drawn = torch.randn(3, 1, 32, 32, generator=torch.Generator().manual_seed(4))
    rougher = corrupted(plain, "noise", 3, seed=4)
    torch.testing.assert_close(rougher, (plain + 0.24 * drawn).clamp(0, 1))


def in_blocks(plain, block):
    """The mean of each square block, in its place."""
    means = plain.unflatten(3, (-1, block)).mean(4).unflatten(2, (-1, block)).mean(3)
    return means.repeat_interleave(block, 2).repeat_interleave(block, 3)


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("shape", [(24, 48), (48, 24)])
def test_pixelate_averages_blocks_of_an_image_whose_sides_differ(severity, shape):
    plain = images(48)[..., : shape[0], : shape[1]]
    torch.testing.assert_close(
        corrupted(plain, "pixelate", severity), in_blocks(plain, severity + 1)
    )


def test_pixelate_leaves_two_blocks_along_a_side_at_least():
    plain = images(4)
    torch.testing.assert_close(corrupted(plain, "pixelate", 3), in_blocks(plain, 2))


def blurred(plain, sigma, reach):
    """Along both sides by scipy, reflected at the edges."""
    whole = plain.double().numpy()
    return gaussian_filter(whole, (0, 0, sigma, sigma), mode="mirror", radius=(0, 0, reach, reach))


def test_blur_is_as_wide_as_the_width_of_an_image_says():
    wide = images(300)[:, :, :40]
    assert corrupted(wide, "blur", 1).numpy() == pytest.approx(blurred(wide, 3, 6), abs=1e-5)


def test_an_image_too_narrow_for_a_blur_stays_as_it_is():
    """A window of two or three pixels' reflections has one place."""
    for width in (1, 2, 3):
        narrow = images(8)[..., :width]
        torch.testing.assert_close(corrupted(narrow, "blur", 3), narrow)


@pytest.mark.parametrize(
    ("side", "severity", "sigma", "reach"),
    [(32, 2, 1.0, 2), (8, 3, 1.5, 3), (200, 1, 2.0, 4), (4, 3, 1.5, 1)],
)
def test_blur_is_gaussian_as_far_as_two_deviations_or_the_image_go(side, severity, sigma, reach):
    plain = images(side)
    slow = blurred(plain, sigma, reach)
    assert corrupted(plain, "blur", severity).numpy() == pytest.approx(slow, abs=1e-5)


def test_blur_of_a_narrow_image_reaches_no_further_than_its_narrow_side_allows():
    for narrow in (images(32)[..., :4], images(32)[:, :, :4]):
        sigma = max(3 * narrow.shape[-1] / 100, 1.5)
        slow = blurred(narrow, sigma, 1)
        assert corrupted(narrow, "blur", 3).numpy() == pytest.approx(slow, abs=1e-5)
