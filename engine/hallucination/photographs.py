"""A person's photographs before and after, brought to the square that a model sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from engine.core.errors import BadImage
from engine.evaluation.language.photo_pair import PhotoPairCase
from engine.hallucination import asking
from engine.vision.images import Crop, Picture, square
from engine.vision.images.filling import square_mask
from engine.vision.images.masks import Mask

SIDES = ("top", "left", "bottom", "right")
MIDDLE = Crop()
Photograph = torch.Tensor  # (3, H, W) in [0, 1], as a model sees it


def photo_pair(
    name: str,
    picture: Picture,
    noun: str,
    others: Sequence[str] = (),
    *,
    sides: Mapping[str, float] | None = None,
    mask: Mask | None = None,
    after: Picture | None = None,
) -> PhotoPairCase:
    """A photograph and a thing in it, for the model of that name.

    Args:
        name: of the model.
        picture: of which the middle square is seen.
        noun: what goes.
        others: what is asked for besides.
        sides: top, left, bottom and right of a rectangle around it, in shares of the square.
        mask: where it is, (H, W) like the picture's pixels; goes before the rectangle.
        after: the photograph without it; goes before both.

    Raises:
        BlindspotError: what does not fit, see `PhotoPairCase`.
    """
    vlm = asking.model(name)
    side = vlm.spec.side
    image = torch.from_numpy(square(picture, MIDDLE, side))
    if after is not None:
        check_size(picture, after)
        after_image = torch.from_numpy(square(after, MIDDLE, side))
        return PhotoPairCase.of(vlm, image, noun, others, after=after_image)
    marked = square_mask(mask, MIDDLE, side) if mask is not None else boxed(side, sides or {})
    return PhotoPairCase.of(vlm, image, noun, others, mask=torch.from_numpy(marked))


def check_size(picture: Picture, after: Picture) -> None:
    """Raise BadImage where the two photographs differ in size."""
    if picture.size != after.size:
        (width, height), (after_width, after_height) = picture.size, after.size
        raise BadImage(
            f"The photograph after has {after_width} × {after_height} px and the one before "
            f"{width} × {height}: "
            "they must be of one size, and show the same but for the thing."
        )


def boxed(side: int, sides: Mapping[str, float]) -> Mask:
    """A rectangle on the square, (side, side). Raises BadImage for an empty one."""
    top, left, bottom, right = (round(sides.get(edge, 0.0) * side) for edge in SIDES)
    result = np.zeros((side, side), np.bool_)
    result[top:bottom, left:right] = True
    if not result.any():
        raise BadImage("The rectangle is empty: draw it around the thing.")
    return result
