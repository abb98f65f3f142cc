"""Normal photographs for models that ship no data: squares cut from the shipped samples.

They are very few: nine photographs. Each gives squares at two sizes, and the photograph is their
group, so that no square is compared with another of the same photograph, and p-values can be
counted by photograph. Whoever means it brings a folder of their own.
"""

from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.core.errors import BlindspotError
from engine.vision.data import DataCard, DataSet
from engine.vision.images import Picture
from engine.vision.images.samples import SAMPLES, sample

SIDE = 224  # px
ODD = ("retina", "ihc")  # samples that are no everyday photographs
SIZES = ((1.0, 1), (0.6, 3))  # squares as a share of the short side, and how many along each side

CARD = DataCard(
    "Shipped photographs",
    about="Squares cut from the few photographs that come with Blindspot; the same for every "
    "model that learned from photographs.",
    made="A whole square and nine smaller ones of each photograph, which overlap.",
    license="as each photograph has it, see assets/LICENSES.md",
    truth="the photograph of each square (group)",
)


@cache
def photographs() -> DataSet:
    """The squares, every other photograph held out; samples that are not there are left out."""
    images, groups = [], []
    for place, sample_picture in enumerate(SAMPLES):
        if sample_picture.name in ODD:
            continue
        try:
            result = square_crops(sample(sample_picture.name))
        except BlindspotError:
            continue
        images += result
        groups += [place] * len(result)
    group = np.array(groups, np.int64)
    order = np.unique(group, return_inverse=True)[1]
    return DataSet(
        name="photographs",
        card=CARD,
        classes=("photograph",),
        images=np.stack(images),
        labels=np.zeros(len(images), np.int64),
        ids=np.arange(len(images)),
        # whole photographs: their squares overlap
        split=np.where(order % 2 == 0, 0, 1).astype(np.uint8),
        truth={"group": group},
    )


def square_crops(picture: Picture) -> list[NDArray[np.uint8]]:
    """A whole square and smaller ones, (3, SIDE, SIDE) each."""
    pixels = Image.fromarray(picture.pixels)
    short = min(pixels.size)
    results = []
    for share, count in SIZES:
        side = share * short
        for row, column in product(range(count), repeat=2):
            left, top = (
                (length - side) * (at / (count - 1) if count > 1 else 0.5)
                for length, at in zip(pixels.size, (column, row), strict=True)
            )
            small = pixels.resize(
                (SIDE, SIDE), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)
            )
            results.append(np.asarray(small).transpose(2, 0, 1))
    return results
