"""Which pixels the answer of a GP network is made of: where each of its features is highest."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.draw.picture_points import PicturePoints
from engine.core.charts.drawing import Drawing
from engine.core.pictures import Pixels
from engine.core.result import Table
from engine.vision.data.example import Mask

NONE = -1  # of the marks has a thick border


def of_features(answer: Mapping[str, Any], image: Pixels, truth: Mask | None) -> Drawing:
    """A mark for each feature, colored by what it adds; what takes away is at the dark end."""
    peaks: Table = answer["peaks"]
    chart = PicturePoints(picture=image, value="part", title="", chosen=NONE)
    return Drawing("peaks", "", chart, lambda _: peaks_text(peaks, truth), made=lambda _: peaks)


def peaks_text(peaks: Table, truth: Mask | None) -> str:
    part = np.asarray(peaks["part"])
    places = np.stack([peaks["top"], peaks["left"]], 1)
    count = len(np.unique(places, axis=0))
    sentence = (
        f"The highest values of {len(part)} features, from {count} pixels, are all that the answer "
        f"sees of the image. Together they add {part.sum():+.2g} logits, without the constant and, "
        "unless the settings say otherwise, without what all classes share."
    )
    if truth is None or not truth.any():
        return sentence
    rows, columns = (places * truth.shape).astype(int).T
    inside = truth[rows, columns]
    return f"{sentence} {int(inside.sum())} lie in the finding and add {part[inside].sum():+.2g}."
