"""Cover a rectangle of the image: the same question about an edited picture."""

from __future__ import annotations

from dataclasses import replace

from engine.case import ImageCase

COVERS = ("mean", "black", "blur")


def covered(case: ImageCase, box: tuple[float, float, float, float], cover: str) -> ImageCase:
    """The exact case with a rectangle replaced by a baseline.

    Args:
        case: whose image is edited.
        box: left, top, width, height in shares of the image.
        cover: mean (the model's zero), black or blur.
    """
    height, width = case.image.shape[1:]
    left, top, wide, high = box
    rows = slice(round(top * height), round((top + high) * height))
    columns = slice(round(left * width), round((left + wide) * width))
    image = case.image.clone()
    image[:, rows, columns] = case.baseline(cover)[:, rows, columns]
    return replace(case, image=image, precision="exact")
