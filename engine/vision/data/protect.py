"""CUDA: each class is convolved with a secret filter of its own, so that networks learn the filter.

The key seeds NumPy's legacy generator, so that it means what it means in the published code. For
each class in turn: weights (3, 1, k, k) from U(0, p_b), then the row and the column of the weight
that becomes 1; the first channel's filter serves all channels. Then one number for each image, in
the order of the data set, decides whether it is protected. A protected image is the
cross-correlation of image and filter with zeros around it, divided by its own maximum and truncated
to bytes.

Sadasivan et al., "CUDA: Convolution-based Unlearnable Datasets" (2023),
https://arxiv.org/abs/2303.04278
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from engine.core.method import Choice, Slider, setting
from engine.vision.data.dataset import DataSet
from engine.vision.data.recipe import Variant

OWN_FILTER, NEXT, SAME = FILTERS = ("own", "next", "same")


def strength_setting() -> Any:
    """How strongly images are protected."""
    return setting(
        1.0,
        Slider(0.0, 1.0, 0.05),
        "Strength",
        "0 leaves the images as they are; 1 is the "
        "published protection; between the two they are mixed.",
    )


def blur_setting() -> Any:
    """p_b of the filters."""
    return setting(
        0.3, Slider(0.0, 1.0, 0.05), "Blur p_b", "Upper bound of the filter weights around the 1."
    )


def size_setting(largest: int = 9) -> Any:
    """k of the filters."""
    return setting(
        3,
        Slider(3, largest, 2, "px"),
        "Filter size",
        "Side of each filter; larger images need larger ones.",
    )


def key_setting() -> Any:
    return setting(
        0,
        Slider(0, 9999, 1),
        "Key",
        "What the filters or the noise are drawn from. Others do not "
        "know it, but whoever tries all 10,000 finds it.",
    )


def number_setting() -> Any:
    """Which class an image is of."""
    return setting(
        0, Slider(0, 99, 1), "Class number", "Which class of your data set the image belongs to."
    )


@dataclass(frozen=True)
class Cuda(Variant):
    """Images convolved with a filter for each class; the truth "protected" says which."""

    word = "cuda"
    title = "Protected (CUDA)"

    split: str = setting(
        "train",
        Choice(("train", "test")),
        "Images",
        "Training images are what is protected; on "
        "test images a filter shows what a network has learned from them.",
    )
    filters: str = setting(
        OWN_FILTER,
        Choice(FILTERS),
        "Filters",
        "Of each image's own class, of the class after it, or the "
        "same one for all images, which should protect nothing.",
    )
    strength: float = strength_setting()
    blur: float = blur_setting()
    size: int = size_setting()
    share: float = setting(
        1.0, Slider(0.0, 1.0, 0.05), "Share", "Chance of each image to be protected."
    )
    key: int = key_setting()

    def __call__(self, data: DataSet) -> DataSet:
        """The same data set with some images convolved."""
        rng = legacy(self.key)
        kernels = draw_filters(rng, len(data.classes), self.blur, self.size)
        rows = data.rows(self.split)
        rows = rows[rng.random_sample(len(rows)) < self.share]
        images = data.images.copy()
        labels = self.filter_of(data.labels[rows], len(data.classes))
        for label in np.unique(labels):
            some = rows[labels == label]
            images[some] = convolved(images[some], kernels[label], self.strength)
        protected = np.zeros(len(data), np.bool_)
        protected[rows] = True
        card = replace(data.card, title=f"{data.card.title} · {self.title}")
        truth = {**data.truth, "protected": protected}
        return replace(data, images=images, truth=truth, card=card, name=f"{data.name}+{self.name}")

    def filter_of(self, labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
        """The class whose filter each image gets, (n,)."""
        if self.filters == SAME:
            return np.zeros_like(labels)
        return (labels + (self.filters == NEXT)) % classes


def legacy(key: int) -> np.random.RandomState:
    """NumPy's legacy generator, whose numbers never change."""
    return np.random.RandomState(key)


def draw_filters(
    rng: np.random.RandomState, classes: int, blur: float, size: int
) -> NDArray[np.float32]:
    """A filter for each class, (classes, size, size)."""
    kernels = np.empty((classes, size, size), np.float32)
    for kernel in kernels:
        # all three are drawn, as published, though one is used: later draws depend on it
        kernel[:] = rng.uniform(0, blur, (3, 1, size, size))[0, 0]
        kernel[rng.randint(size), rng.randint(size)] = 1.0
    return kernels


def convolved(
    images: NDArray[np.uint8], kernel: NDArray[np.float32], strength: float = 1.0
) -> NDArray[np.uint8]:
    """Images (n, C, H, W) convolved with one filter, each divided by its own maximum."""
    pixels = torch.from_numpy(images / np.float32(255))
    weight = torch.from_numpy(kernel).expand(images.shape[1], 1, *kernel.shape)
    blurred = F.conv2d(pixels, weight, padding=len(kernel) // 2, groups=images.shape[1]).numpy()
    highest = blurred.max((1, 2, 3), keepdims=True)
    protected = blurred / np.where(highest > 0, highest, 1) * 255
    mixed = np.float32(1 - strength) * images + np.float32(strength) * protected
    return mixed.astype(np.uint8)
