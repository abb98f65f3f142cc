"""A large image to zoom and pan: the browser asks for the tiles that it shows, at their size.

The page sends an overview once; what is seen closer comes as small tiles of one of a few levels
(each half as large as the one before), and only those in view. The browser keeps the last few
hundred. Tiles come over the session's own connection as data URLs: no address serves them to
anybody else, and nothing is written to the disk.
"""

from collections.abc import Collection
from dataclasses import dataclass
from math import ceil, log2
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from components.colors import SEQUENTIAL
from components.widgets.encoding import RecentEncodings, data_url, light, saved
from components.widgets.mounting import mounted
from components.widgets.wording import short_number, with_unit
from engine.core.pictures import extent
from engine.vision.images.large_base import LargeImage

SIDE = 256  # px of a tile
OVERVIEW = 1024  # px of the long side
AT_ONCE = 24  # tiles of an answer
TILES_CACHED = 512  # encoded tiles, of all visitors

ENCODED = RecentEncodings[str](TILES_CACHED)


@dataclass(frozen=True, eq=False)
class TileMap:
    """A map over squares of the image.

    Args:
        values: (rows, columns); NaN where nothing is known.
        tile: px of a square's side.
        unit: of the values.
        marked: squares with an outline, (rows, columns), if any.
        least: values below are drawn as if they were this one, and colors follow the logarithm;
            None where colors follow the values.
    """

    values: NDArray[np.float32]
    tile: int
    unit: str
    marked: NDArray[np.bool_] | None = None
    least: float | None = None


def pan(image: LargeImage, over: TileMap | None, words: str, key: str) -> None:
    """Draw the image with the map over it."""
    requested = st.session_state.pop(f"{key}.wanted", [])
    last = levels(image) - 1
    data: dict[str, Any] = {
        "name": image.fingerprint,
        "width": image.width,
        "height": image.height,
        "side": SIDE,
        "levels": last + 1,
        "overview": overview(image),
        "words": words,
        "tiles": {
            name: tile_url(image, *place) for name, place in requested_tiles(requested, image)
        },
        "over": None if over is None else overlay_json(over),
    }
    mounted(__file__)(data=data, key=key, on_wanted_change=lambda: request_tiles(key))


def request_tiles(key: str) -> None:
    """Keep which tiles the browser wants; they go with the next run."""
    st.session_state[f"{key}.wanted"] = st.session_state[key].get("wanted") or []


def levels(image: LargeImage) -> int:
    """How many sizes there are: 1, 1/2, 1/4 … until the overview is as fine."""
    return max(1, ceil(log2(max(image.width, image.height) / OVERVIEW)))


def requested_tiles(requested: object, image: LargeImage) -> list[tuple[str, tuple[int, int, int]]]:
    """The tiles that a browser may ask for, by name: level/column/row; others are left out."""
    tiles = []
    for address in (requested if isinstance(requested, list) else [])[:AT_ONCE]:
        parts = str(address).split("/")
        if len(parts) == 3 and all(part.isdecimal() and len(part) < 7 for part in parts):
            level, column, row = map(int, parts)
            size = SIDE << min(level, 31)
            inside = column * size < image.width and row * size < image.height
            if level < levels(image) and inside:
                tiles.append((str(address), (level, column, row)))
    return tiles


def tile_url(image: LargeImage, level: int, column: int, row: int) -> str:
    size, times = SIDE << level, 1 << level
    top, left = row * size, column * size
    place = np.array([level, column, row])

    def make() -> str:
        bottom, right = min(top + size, image.height), min(left + size, image.width)
        if min(bottom - top, right - left) < times:
            return ""
        pixels = image.smaller(times, top, bottom, left, right)
        return data_url(*light(Image.fromarray(pixels)))

    return ENCODED.get(place, image.fingerprint, make)


def overview(image: LargeImage) -> str:
    """The whole image, at most OVERVIEW px long, as a data URL."""

    def make() -> str:
        times = max(1, ceil(max(image.width, image.height) / OVERVIEW))
        if min(image.width, image.height) < times:
            times = 1
        pixels = image.smaller(times, 0, image.height, 0, image.width)
        return data_url(*light(Image.fromarray(pixels)))

    return ENCODED.get(np.array([OVERVIEW]), image.fingerprint, make)


def overlay_json(over: TileMap) -> dict[str, Any]:
    low, high = extent(over.values)
    values, known, unit = over.values, np.isfinite(over.values), over.unit
    if over.least is not None:
        low, high = max(low, over.least), max(high, over.least)
        values, unit = np.log(np.maximum(values, over.least)), f"{unit}, logarithmic"
    first, last = (low, high) if over.least is None else (np.log(low), np.log(high))
    share = (np.where(known, values, first) - first) / ((last - first) or 1.0)
    index = np.rint(share * (len(SEQUENTIAL) - 1)).astype(int)
    colored = np.dstack([SEQUENTIAL[index], np.where(known, 255, 0).astype(np.uint8)])
    marked = np.argwhere(over.marked).tolist() if over.marked is not None else []
    return {
        "src": data_url("png", saved(Image.fromarray(colored.astype(np.uint8)), "PNG")),
        "columns": over.values.shape[1],
        "rows": over.values.shape[0],
        "tile": over.tile,
        "low": short_number(low),
        "high": with_unit(short_number(high), unit),
        "marked": marked,
    }


def highest_squares(values: NDArray[np.float32], count: int) -> Collection[tuple[int, int]]:
    """Row and column of the highest squares, highest first."""
    flat = np.where(np.isfinite(values), values, -np.inf).ravel()
    order = np.argsort(-flat, kind="stable")[: min(count, int(np.isfinite(values).sum()))]
    return [(int(at // values.shape[1]), int(at % values.shape[1])) for at in order]
