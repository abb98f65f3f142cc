"""What copies of a protected image leave of its protection.

Few images are learned from as they were published: they are compressed, made smaller, turned gray
or smoothed. Here the clean and the protected image are copied in the same way, as bytes, and what
then still differs between the two is held against the noise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from math import nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from engine.core.method import Method, Progress, Slider, quiet, setting
from engine.core.pictures import Pixels, amplified_difference, as_bytes
from engine.core.result import Pictures, Result, Table
from engine.unlearning.protection.protected_pair import (
    PROTECTED_IMAGE,
    amplification,
    figures,
    noise_levels,
)
from engine.vision.case import PairCase

SHARES = ("noise left", "energy left", "like the noise")
CUT = 96  # px of the middle that is shown of each copy, so that pixels are seen

Copy = Callable[[Pixels], Pixels]


@dataclass(frozen=True)
class Copies(Method[PairCase]):
    """What is left of the difference between two images when both are copied in the same way.

    The first image is the clean one, the second the protected one; their difference is the noise.
    *Noise left* is how much of it is found in what still differs after copying: the projection of
    that on the noise. *Energy left* is the sum of squares of all that differs, as a share of the
    noise's; where it is larger, the copying has made differences of its own, as JPEG does. *Like
    the noise* is the cosine of the angle between the two, whatever their size. None says whether a
    network still learns nothing useful from such copies: only a training on them does. Resized
    copies are brought back to their size. Pictures show the middle of each copy.
    """

    name = "Copies"
    family = "unlearning"
    title = "What copies leave of a protection"
    cost = "live"
    needs = frozenset({"pair"})
    proof = (
        "tests/engine/unlearning/protection/test_copies.py"
        "::test_noise_and_energy_left_are_those_of_the_transfer_function_written_out"
    )

    quality: int = setting(
        75,
        Slider(5, 100, 5),
        "JPEG quality",
        "Of the file that the image is saved as; web pages use 60 to 85.",
    )
    size: float = setting(
        0.5, Slider(0.1, 1.0, 0.05), "Size", "Side of the smaller copy as a share of the image's."
    )
    blur: float = setting(
        1.0, Slider(0.0, 5.0, 0.25, "px"), "Blur", "Standard deviation of the Gaussian."
    )

    def copying(self) -> Mapping[str, Copy]:
        """Each way to copy an image, by its name."""
        return {
            f"JPEG, quality {self.quality}": partial(as_jpeg, quality=self.quality),
            "gray-scale": gray,
            f"{100 * self.size:.0f} % of the size": partial(resampled_copy, size=self.size),
            f"blur of {self.blur:g} px": partial(blurred, sigma=self.blur),
        }

    def __call__(self, case: PairCase, progress: Progress = quiet) -> Result:
        """Views: copies, shares that are left; figures of the pair; strips, the copies to see."""
        clean, protected = as_bytes(case.source.image), as_bytes(case.others[0])
        noise = noise_levels(clean, protected)
        times = amplification(clean, protected)
        picture_columns, shares = [stacked_crops(clean, protected, times)], []
        for done, (name, copy) in enumerate(ways := self.copying().items(), 1):
            pair = copy(clean), copy(protected)
            shares.append(left(noise, noise_levels(*pair)))
            picture_columns.append(stacked_crops(*pair, times))
            progress(done / len(ways), name)
        names = tuple(self.copying())
        columns = {
            name: (values, "share") for name, values in zip(SHARES, np.array(shares).T, strict=True)
        }
        return {
            "copies": Table.of(columns, names),
            "figures": figures(clean, protected),
            "strips": Pictures(
                np.stack(picture_columns, 1),
                (PROTECTED_IMAGE, f"noise × {times}"),
                ("not copied", *names),
                "The middle of the protected image in each copy, and below it what still differs "
                "from the clean image in the same copy; gray means nothing.",
            ),
        }

    def finding(self, case: PairCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """The share of the noise that each copy leaves."""
        table: Table = result["copies"]
        shares = 100 * table[SHARES[0]]
        if np.isnan(shares).any():
            return "The two images are the same: there is no noise to copy."
        phrases = [
            f"{share:z.0f} % ({name})" for name, share in zip(table.rows, shares, strict=True)
        ]
        return f"Noise left after copying: {', '.join(phrases)}."


def left(noise: NDArray[Any], copied: NDArray[Any]) -> tuple[float, float, float]:
    """SHARES of what differs after copying; NaN without noise."""
    original, copy = noise.astype(np.float64).ravel(), copied.astype(np.float64).ravel()
    energy, copy_energy, product = (
        float(original @ original),
        float(copy @ copy),
        float(original @ copy),
    )
    if not energy:
        return nan, nan, nan
    return (
        # the slope of the copied difference on the noise: it may be negative
        product / energy,
        copy_energy / energy,
        product / sqrt(energy * copy_energy) if copy_energy else 0.0,
    )


def stacked_crops(clean: Pixels, protected: Pixels, times: int) -> NDArray[np.uint8]:
    """The middle of the protected image above that of its noise, (2, CUT, CUT, 3)."""
    top_edge, left_edge = (max(0, (length - CUT) // 2) for length in clean.shape[:2])
    before, after = (
        image[top_edge : top_edge + CUT, left_edge : left_edge + CUT]
        for image in (clean, protected)
    )
    return np.stack([after, amplified_difference(before, after, times)])


# ---------------------------------------------------------------- copies


def as_jpeg(image: Pixels, quality: int) -> Pixels:
    """The image after a JPEG file."""
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def gray(image: Pixels) -> Pixels:
    """Luma of ITU-R 601-2 in all channels."""
    return np.asarray(Image.fromarray(image).convert("L").convert("RGB"))


def resampled_copy(image: Pixels, size: float) -> Pixels:
    """The image made smaller and enlarged again, with Pillow's antialiased bicubic filter."""
    whole = Image.fromarray(image)
    small = max(1, round(size * whole.width)), max(1, round(size * whole.height))
    return np.asarray(
        whole.resize(small, Image.Resampling.BICUBIC).resize(whole.size, Image.Resampling.BICUBIC)
    )


def blurred(image: Pixels, sigma: float) -> Pixels:
    """The image convolved with a Gaussian, mirrored at its edges."""
    smooth = gaussian_filter(image.astype(np.float32), (sigma, sigma, 0))
    return np.clip(np.rint(smooth), 0, 255).astype(np.uint8)
