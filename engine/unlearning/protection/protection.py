"""Training images protected by noise: what every way to make the noise shares.

Noise is bounded in whole gray levels, so that what is released, images of bytes, keeps the bound
exactly: |noise| <= epsilon and 0 <= image + noise <= 255. Only training images are changed. A
network that trains on them meets augmentation after the noise, as with any other images.

Protection is not privacy: whoever looks at the images sees what is on them.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from math import isinf, isnan, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadData
from engine.core.method import Choice, Method, Progress, Slider, part_of, quiet, setting
from engine.core.pictures import amplified_difference
from engine.core.result import ImageNoise, Pictures, Result, Table, View
from engine.evaluation.measures.likeness import psnr, ssim
from engine.unlearning.protection.local_masks import PixelMasks, background
from engine.vision.data import DataSet, Rows
from engine.vision.lab import TrainCase

LARGEST = 32  # gray levels that noise may have
PICTURED_IMAGES = 8  # images in the picture, as many of each class
COMPARED = 100  # images that SSIM is the mean of, as many of each class
AMPLIFIED = 10  # times, in the picture of the noise, where that stays within a byte
NOISE_READY = 0.95  # share of the progress at which the noise is there
PER_IMAGE, CLASS = PER = ("image", "class")
TRAINING = "training images"
MOST_VALUES = 2**26  # of training images, for each of which some 30 bytes are needed at a time

Levels = NDArray[np.int16]  # (n, C, H, W), gray levels


def epsilon_setting() -> Any:
    """The bound of the noise in gray levels."""
    return setting(
        8,
        Slider(0, LARGEST, 1, "/255"),
        "Noise ε",
        "The most that a pixel changes, in gray levels of 255; 0 changes nothing.",
    )


def per_setting(default: str = PER_IMAGE) -> Any:
    """Whose noise it is."""
    return setting(
        default,
        Choice(PER),
        "Noise for each",
        "Every image has noise of its own, or all images of a class have the same.",
    )


@dataclass(frozen=True, eq=False)
class MadeNoise:
    """Noise of the training images, and what else is worth seeing of how it was made.

    Args:
        levels: (n, C, H, W), gray levels within their bounds.
        masks: where each image was allowed to change; None where everywhere.
        views: more views of the answer.
    """

    levels: Levels
    masks: PixelMasks | None = None
    views: Mapping[str, View] = field(default_factory=dict)


@dataclass(frozen=True)
class Protection(Method[TrainCase]):
    """Training images with noise, from which a network is to learn nothing useful.

    A subclass writes `noise`, or `made` where there is more to see than the noise.
    """

    family = "unlearning"
    cost = "job"

    epsilon: int = epsilon_setting()

    @abstractmethod
    def noise(self, case: TrainCase, progress: Progress = quiet) -> Levels:
        """Noise of the training images in their order, (n, C, H, W), in gray levels.

        It keeps its bounds exactly; see `within`.
        """

    def made(self, case: TrainCase, progress: Progress = quiet) -> MadeNoise:
        """The noise, with masks and more views where there are any."""
        return MadeNoise(self.noise(case, progress))

    def __call__(self, case: TrainCase, progress: Progress = quiet) -> Result:
        """Views: noise; picture, clean to protected; figures, how much is to be seen of it."""
        data, rows = case.data, case.data.rows("train")
        check_size(data, len(rows))
        noise = self.made(case, part_of(progress, 0.0, NOISE_READY, otherwise="making noise"))
        after = protected(data, noise.levels)
        figures = distortion_table(data, after, data.some("train", COMPARED, case.seed))
        progress(1.0, "measured")
        return {
            "noise": ImageNoise(noise.levels.astype(np.int8), data.ids[rows]),
            "picture": sample_pictures(data, after, noise.masks, self.epsilon),
            "figures": figures,
            **noise.views,
        }

    def finding(self, case: TrainCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How far the images are from what they were."""
        figures: Table = result["figures"]
        if not (most := figures.cell(TRAINING, "largest change")):
            return "No image is changed."
        changed, ssim_value = (figures.cell(TRAINING, name) for name in ("pixels changed", "SSIM"))
        similarity = "" if isnan(ssim_value) else f", SSIM {ssim_value:.3f}"
        return (
            f"No pixel changes by more than {most:.0f} of 255 gray levels, {100 * changed:.0f} % "
            f"of them change; PSNR {figures.cell(TRAINING, 'PSNR'):.1f} dB{similarity}."
        )


def within(noise: NDArray[Any], images: NDArray[np.uint8], epsilon: int) -> Levels:
    """Noise of whole gray levels cut to ±epsilon and to what keeps its image between 0 and 255."""
    pixels = images.astype(np.int16)
    low, high = np.maximum(-pixels, -epsilon), np.minimum(255 - pixels, epsilon)
    return np.clip(noise, low, high).astype(np.int16)


def protected(data: DataSet, noise: NDArray[np.integer[Any]]) -> DataSet:
    """The data with noise on its training images; the truth "protected" says which.

    Args:
        data: the clean images.
        noise: (n, C, H, W) of the training images in their order, such as `levels` of a kept
            answer's view "noise".

    Raises:
        BadData: the noise is that of other images.
    """
    rows = data.rows("train")
    clean = data.images[rows]
    if noise.shape != clean.shape:
        message = f"This noise is for {noise.shape[0]} images of the shape {noise.shape[1:]}, but "
        message += f"{data.card.title} trains on {len(rows)} of {clean.shape[1:]}."
        raise BadData(message)
    changed = clean + noise.astype(np.int16)
    if changed.size and (changed.min() < 0 or changed.max() > 255):
        raise BadData("This noise was made for other images: it leaves the range of gray levels.")
    images, is_protected = data.images.copy(), np.zeros(len(data), np.bool_)
    images[rows], is_protected[rows] = changed, True
    digest = blake2b(np.ascontiguousarray(changed).tobytes(), digest_size=4).hexdigest()
    card = replace(data.card, title=f"{data.card.title} · Protected by noise")
    truth = {**data.truth, "protected": is_protected}
    name = f"{data.name}+protected-{digest}"
    return replace(data, images=images, truth=truth, card=card, name=name)


def check_size(data: DataSet, count: int) -> None:
    """Raise BadData where there are more training images, `count`, than noise is made for."""
    values = count * data.images[0].size
    if values > MOST_VALUES:
        raise BadData(
            f"{data.card.title} trains on {count:,} images with {values / 1e6:,.0f} million values "
            f"in all; noise is made for at most {MOST_VALUES / 1e6:.0f} million: take fewer or "
            "smaller images."
        )


def distortion_table(data: DataSet, after: DataSet, compared: Rows) -> Table:
    """How far the training images are from what they were; SSIM is a mean over some of them."""
    rows = data.rows("train")
    clean, changed = data.images[rows], after.images[rows]
    pairs = zip(data.pixels(compared), after.pixels(compared), strict=True)
    noise_ratio = psnr(clean, changed)
    changes = [
        int(np.abs(a.astype(np.int16) - b).max()) for a, b in zip(clean, changed, strict=True)
    ]
    # 32 bits: a square of up to 255² overflows 16
    energy = np.square(changed.astype(np.int32) - clean).sum(1)  # (n, H, W)
    total = energy.sum()
    on_object = (energy * ~background(clean)).sum() / total if total else nan
    columns = {
        "PSNR": ([nan if isinf(noise_ratio) else noise_ratio], "dB"),
        "SSIM": ([np.mean([ssim(*pair) for pair in pairs])], ""),
        "pixels changed": ([(clean != changed).any(1).mean()], "share"),
        "largest change": ([max(changes)], "/255"),
        "noise off the background": ([on_object], "share"),
    }
    return Table.of(columns, [TRAINING])


def sample_pictures(
    data: DataSet, after: DataSet, masks: PixelMasks | None, epsilon: int
) -> Pictures:
    """Training images of each class: clean, where they may change, their noise, and protected."""
    rows = data.rows("train")
    sample_rows = data.some("train", PICTURED_IMAGES)
    sample_rows = sample_rows[np.argsort(data.labels[sample_rows], kind="stable")]
    clean, changed = data.images[sample_rows], after.images[sample_rows]
    times = AMPLIFIED if not epsilon else max(1, min(AMPLIFIED, 127 // epsilon))
    sheet = {"clean": clean}
    if masks is not None:
        mask = masks[np.searchsorted(rows, sample_rows)]
        sheet["mask"] = np.broadcast_to(np.uint8(255) * mask[:, None], clean.shape)
    sheet |= {f"noise × {times}": amplified_difference(clean, changed, times), "protected": changed}
    most = int(np.abs(changed.astype(np.int16) - clean).max())
    return Pictures(
        np.stack(list(sheet.values())).transpose(0, 1, 3, 4, 2),
        tuple(sheet),
        data.class_names(sample_rows),
        f"Protected images differ by at most {most} of 255 gray levels from the clean ones; gray "
        "in the picture of the noise means unchanged.",
    )
