"""A protected image beside the clean one: how far apart the two are, and the noise as a picture."""

from math import isinf, isnan, nan

import numpy as np
import torch
from numpy.typing import NDArray

from engine.core.pictures import Pixels, amplified_difference
from engine.core.result import Pictures, Table
from engine.evaluation.measures.likeness import psnr, ssim
from engine.vision.case import ImageCase, PairCase

AMPLIFIED = 10  # times, in pictures of the noise, where that stays within a byte
USUAL = 0.99  # of the pixels, whose noise is to stay within it
SPOILED, VISIBLE_BELOW = (
    0.5,
    0.9,
)  # SSIM below which fine detail is lost, and noise cannot be overlooked
PROTECTED_IMAGE = "protected image"


def pair_of(case: ImageCase, protected: Pixels) -> PairCase:
    """An image beside its protected version of the same size (H, W, 3)."""
    image = torch.from_numpy(protected.transpose(2, 0, 1) / np.float32(255))
    return PairCase(case, (image,))


def figures(clean: Pixels, protected: Pixels) -> Table:
    """How far the protected image is from the clean one; SSIM is NaN below 11 px, PSNR if same."""
    noise = noise_levels(clean, protected)
    pair = (torch.from_numpy(image.transpose(2, 0, 1) / 255) for image in (clean, protected))
    ratio = psnr(protected, clean)
    columns = {
        "SSIM": ([ssim(*pair)], ""),
        "PSNR": ([nan if isinf(ratio) else ratio], "dB"),
        "pixels changed": ([noise.any(2).mean()], "share"),
        "largest change": ([np.abs(noise).max()], "/255"),
    }
    return Table.of(columns, [PROTECTED_IMAGE])


def noise_picture(clean: Pixels, protected: Pixels, mask: Pixels | None = None) -> Pictures:
    """Clean, protected, the noise amplified, and where the image may change (or else changes).

    Without a mask, changed pixels are shown where some are not.
    """
    changed, times = (clean != protected).any(2), amplification(clean, protected)
    sheet = {
        "clean": clean,
        "protected": protected,
        f"noise × {times}, gray: none": amplified_difference(clean, protected, times),
    }
    if mask is not None:
        sheet["may change (mask)"] = mask
    elif changed.any() and changed.mean() < USUAL:
        sheet["changed pixels"] = np.repeat(np.uint8(255) * changed[..., None], 3, 2)
    share = 100 * changed.mean()
    most = int(np.abs(noise_levels(clean, protected)).max())
    return Pictures(
        np.stack(list(sheet.values()))[None],
        ("",),
        tuple(sheet),
        f"{share:.0f} % of the pixels change, by at most {most} of 255 gray levels.",
    )


def verdict(figures: Table) -> str:
    """What the figures mean for whoever looks at the image."""
    similarity, most = (figures.cell(PROTECTED_IMAGE, name) for name in ("SSIM", "largest change"))
    if not most:
        return "nothing is changed"
    phrase = f"PSNR {figures.cell(PROTECTED_IMAGE, 'PSNR'):.0f} dB"
    if isnan(similarity):
        return f"judge by eye, the image is too small for SSIM ({phrase})"
    phrase = f"SSIM {similarity:.2f}, {phrase}"
    if similarity < SPOILED:
        return f"fine detail is lost for people too ({phrase})"
    visibility = "can be seen" if similarity < VISIBLE_BELOW else "is hard to see"
    return f"the protection {visibility} ({phrase})"


def noise_levels(clean: Pixels, protected: Pixels) -> NDArray[np.int16]:
    """What was added, in gray levels, (H, W, 3)."""
    return protected.astype(np.int16) - clean


def amplification(clean: Pixels, protected: Pixels) -> int:
    """How many times the noise is drawn, so that nearly all of it stays within a byte."""
    usual = np.quantile(np.abs(noise_levels(clean, protected)), USUAL)
    return int(max(1, min(AMPLIFIED, 127 // max(usual, 1))))
