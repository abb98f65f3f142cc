"""Views with a row to each of many images: what a model makes of it, how unusual it is."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.result.view import Array, Floats, View


@dataclass(frozen=True, eq=False)
class Features(View):
    """What a model makes of N images, in the order of their rows.

    Args:
        values: what the head sees, (N, D); D is 0 where the model does not end in a linear layer.
        logits: (N, classes).
        keys: (N,) int64, a digest of each image's pixels as the model sees them.
        maps: outputs of layers by name, each (N, C, h, w).
    """

    values: Floats
    logits: Floats
    keys: NDArray[np.int64]
    maps: Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Evidence(View):
    """Outlier scores of N images, (N,), larger is more unusual, and what they are made of.

    Args:
        values: the scores.
        parts: named terms or factors of each score, (N,) each; `joined` says how they make it.
        predicted: the class the model sees, (N,) int64.
        labels: the right class, (N,) int64; −1 where it is unknown or none of the model's.
        ids: of the images in their data set, (N,) int64.
        unit: of the scores.
        joined: "sum", "product" or "alone".
    """

    values: Floats
    parts: Mapping[str, Floats]
    predicted: NDArray[np.int64]
    labels: NDArray[np.int64]
    ids: NDArray[np.int64]
    unit: str
    joined: str


@dataclass(frozen=True, eq=False)
class ImageNoise(View):
    """What is added to each of n images of a data set, in gray levels of 255.

    Args:
        levels: (n, C, H, W) int8.
        ids: of the images in their data set, (n,) int64.
    """

    levels: NDArray[np.int8]
    ids: NDArray[np.int64]
