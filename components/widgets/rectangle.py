"""A picture with one rectangle that a person drags, resizes, or moves with the arrow keys.

It serves to move the crop (fixed size, only moved) and to choose what to cover. The browser
keeps the rectangle while it moves and sends it once, when it is let go.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components.widgets.mounting import mounted
from components.widgets.viewer import Pixels, picture_url

PICTURE_SIDE = 480  # px; what it serves to find is coarse
SMALLEST = 0.02  # share of the picture; smaller than this nobody could grasp
SLACK = 1e-6  # what rounding may add
ROUNDING = 0.51e-4  # of a share that the browser sends with four decimals


@dataclass(frozen=True)
class Box:
    """A rectangle in shares of the picture's width and height, wholly inside it."""

    left: float
    top: float
    width: float
    height: float

    def __post_init__(self) -> None:
        inside = (
            min(astuple(self)) >= 0
            and self.left + self.width <= 1 + SLACK
            and self.top + self.height <= 1 + SLACK
        )
        if not inside or min(self.width, self.height) == 0:  # NaN is not inside either
            message = f"The rectangle {astuple(self)} is not inside the picture."
            raise ValueError(message)

    @classmethod
    def around(cls, mask: NDArray[np.bool_]) -> Box:
        """The smallest one around a mask over the whole picture that is not empty, (H, W)."""
        down, right = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
        left, right_end, top, bottom = right[0], right[-1] + 1, down[0], down[-1] + 1
        height, width = mask.shape
        shares = (left / width, top / height, (right_end - left) / width, (bottom - top) / height)
        return cls(*(round(float(share), 4) for share in shares))

    def sides(self) -> dict[str, float]:
        """Its four sides in whole percent of the picture's, as methods take a region."""
        bottom, right = self.top + self.height, self.left + self.width
        edges = {"top": self.top, "left": self.left, "bottom": bottom, "right": right}
        return {name: min(round(share, 2), 1.0) for name, share in edges.items()}


def rectangle(
    picture: Pixels,
    start: Box,
    key: str,
    *,
    square: bool = False,
    fixed_size: bool = False,
    words: str,
) -> Box:
    """Draw the picture and give the rectangle where the person left it, at first `start`.

    `square` keeps its sides equal in pixels; a new picture or a new `start` begins again.
    """
    height, width = picture.shape[:2]
    begin = squared(start, width / height) if square and not fixed_size else start
    url = picture_url(picture, PICTURE_SIDE)
    tag = tag_of(url, begin, square, fixed_size)
    chosen_box = selected_box(st.session_state.get(key), tag, begin, fixed_size)
    result = mounted(__file__)(
        key=key,
        data={
            "tag": tag,
            "src": url,
            "width": width,
            "height": height,
            "box": astuple(chosen_box),
            "square": square,
            "fixed": fixed_size,
            "smallest": SMALLEST,
            "words": words,
        },
        on_box_change=lambda: None,
    )
    return selected_box(result, tag, begin, fixed_size)


def tag_of(url: str, start: Box, square: bool, fixed_size: bool) -> str:
    """A name for what was asked, so that an answer to an earlier question is not taken for it."""
    description = f"{url}{astuple(start)}{square}{fixed_size}"
    return blake2b(description.encode(), digest_size=8).hexdigest()


def selected_box(state: Any, tag: str, start: Box, fixed_size: bool) -> Box:
    """The browser's answer where it fits the question, else the start; it may be anything."""
    answer = state.get("box") if hasattr(state, "get") else None
    if not isinstance(answer, dict) or answer.get("tag") != tag:
        return start
    try:
        left, top, width, height = (float(number) for number in answer["box"])
        if fixed_size:
            width, height = start.width, start.height
        box = Box(left, top, width, height)
        pairs = zip(astuple(box), astuple(start), strict=True)
        return start if all(abs(first - second) <= ROUNDING for first, second in pairs) else box
    except (KeyError, TypeError, ValueError):
        return start


def squared(box: Box, aspect: float) -> Box:
    """The largest square in pixels with the box's center inside the box; aspect is W / H."""
    side = min(box.width * aspect, box.height)  # in shares of the height
    width = side / aspect
    left = box.left + max(0.0, box.width - width) / 2
    return Box(left, box.top + max(0.0, box.height - side) / 2, width, side)
