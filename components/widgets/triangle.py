"""Triangles of blends side by side: what the model says of every mixture of three images.

All triangles share one scale from 0 to 1 and one point: where a person goes in one, the others
follow. The browser is sent three small pictures and the values of each triangle; it blends the
pictures itself (triangle.js), so that moving costs no server run. The pictures are for looking at:
they are WebP of at most 224 px, without the last trace of what the model saw.
"""

import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from components.charts.tables import fold_numbers
from components.colors import SEQUENTIAL
from components.widgets.encoding import WEBP_QUALITY, data_url, saved
from components.widgets.mounting import mounted
from components.widgets.viewer import ENCODED, Pixels
from engine.core.result import Array, Floats, Table, Triangle

SIDE = 224  # px of a picture's longer side
DIGITS = 4  # of a value; the scale has 256 colors
FLATTEST = 0.22  # height in lengths of the longest side; a flatter triangle could not be read
OVERHANG = 0.5  # how far, in lengths of the base, the top may stand beside it
IN_LINE = "These three images lie nearly on a line: the triangle is drawn taller than it is."
UNKNOWN = "The distances between these images are not known: the shape means nothing here."


@dataclass(frozen=True)
class TriangleLayout:
    """Corners as they are drawn, (3, 2) in widths of the drawing, y downwards."""

    places: NDArray[np.float64]
    note: str = ""  # what is not true to scale

    @property
    def height(self) -> float:
        """Of the drawing, whose width is 1."""
        return float(self.places[:, 1].max())


def triangles(views: Mapping[str, Triangle], key: str, label: str = "") -> None:
    """Draw the triangles side by side; `label` is the class whose probability it is."""
    mounted(__file__)(data=payload(views, key, label), key=key)
    fold_numbers({f"{key}.values": twin(views)})


def payload(views: Mapping[str, Triangle], key: str, label: str = "") -> dict[str, Any]:
    """What the browser is sent; a picture that several triangles share goes once."""
    pictures: list[str] = []
    sent = []
    for title, view in views.items():
        urls = [picture_url(image) for image in view.images]
        pictures += [url for url in dict.fromkeys(urls) if url not in pictures]
        shape = triangle_layout(view.corners)
        values: list[float] = view.values[point_order(view)].tolist()
        sent.append(
            {
                "title": title,
                "labels": view.labels,
                "pictures": [pictures.index(url) for url in urls],
                "places": shape.places.round(DIGITS).tolist(),
                "height": round(shape.height, DIGITS),
                "cells": cells_per_side(view),
                "values": [round(v, DIGITS) if math.isfinite(v) else None for v in values],
                "finding": finding(view),
                "note": shape.note,
            }
        )
    unit = f"{next(iter(views.values())).unit} of {label}" if label else "probability"
    ramp = b64encode(SEQUENTIAL.tobytes()).decode()
    return {"key": key, "unit": unit, "ramp": ramp, "pictures": pictures, "triangles": sent}


# ---------------------------------------------------------------- the grid


def cells_per_side(view: Triangle) -> int:
    """Cells along a side; raises where the points are not those of a whole triangular grid."""
    count = round((math.sqrt(8 * len(view.weights) + 1) - 3) / 2)
    steps = view.weights.astype(np.float64) * count
    nodes = np.unique(steps.round(), axis=0)
    fits = 2 * len(nodes) == (count + 1) * (count + 2) and len(nodes) == len(steps)
    if count < 1 or not fits or np.abs(steps - steps.round()).max() > 0.01:
        message = f"The {len(view.weights)} points of the triangle are no triangular grid."
        raise ValueError(message)
    return count


def point_order(view: Triangle) -> NDArray[np.intp]:
    """The points by their share of the second corner, then of the third, as the browser reads."""
    return np.lexsort((view.weights[:, 2], view.weights[:, 1]))


# ---------------------------------------------------------------- the shape


def triangle_layout(corners: Floats) -> TriangleLayout:
    """The true shape with the first two corners at the foot, unless that could not be read.

    A triangle that is very flat, or whose top stands far beside its foot, lies on its longest side.
    """
    places = corners.astype(np.float64)
    sides = lengths(places)
    if not (np.isfinite(places).all() and sides.max() > 0):
        return TriangleLayout(upright(np.array([[0, 0], [1, 0], [0.5, math.sqrt(0.75)]])), UNKNOWN)
    base = 2  # the side opposite to the third corner
    top = places[2, 0]
    if not -OVERHANG <= top <= 1 + OVERHANG or flatness(places) < FLATTEST:
        base = int(sides.argmax())
    places = laid(places, base)
    if flatness(places) >= FLATTEST:
        return TriangleLayout(upright(places))
    places[base, 1] = FLATTEST * sides.max()
    return TriangleLayout(upright(places), IN_LINE)


def lengths(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the three sides, each under the corner opposite to it."""
    ends = np.roll(places, -1, axis=0), np.roll(places, -2, axis=0)
    distances: NDArray[np.float64] = np.linalg.norm(ends[0] - ends[1], axis=1)
    return distances


def flatness(places: NDArray[np.float64]) -> float:
    """The height over the longest side, in lengths of that side."""
    (ax, ay), (bx, by) = places[1] - places[0], places[2] - places[0]
    return float(abs(ax * by - ay * bx) / lengths(places).max() ** 2)


def laid(places: NDArray[np.float64], top: int) -> NDArray[np.float64]:
    """Turned so that the side opposite to `top` is level, its earlier corner left, `top` above."""
    left, right = (corner for corner in range(3) if corner != top)
    way = places[right] - places[left]
    along, across = way / np.linalg.norm(way), np.array([-way[1], way[0]]) / np.linalg.norm(way)
    turned = (places - places[left]) @ np.stack([along, across], axis=1)
    turned[:, 1] = np.abs(turned[:, 1])  # seen from behind, where it hung below
    turned[[left, right], 1] = 0
    return turned


def upright(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """In widths of the drawing, y downwards."""
    shifted = places - places.min(axis=0)
    shifted /= shifted[:, 0].max()
    shifted[:, 1] = shifted[:, 1].max() - shifted[:, 1]
    return shifted


# ---------------------------------------------------------------- in words


def finding(view: Triangle) -> str:
    paths = sides(view)
    if not np.isfinite(paths).any():
        return "No values."
    at = int(np.nanargmin(view.values))
    mean, lowest = probability(float(np.nanmean(view.values))), probability(float(view.values[at]))
    if float(np.nanmax(view.values) - view.values[at]) < 0.01:
        return f"Mean {mean}, the same everywhere."
    return (
        f"Mean {mean}, along the two sides from {view.labels[0]} "
        f"{probability(float(np.nanmean(paths)))}; "
        f"lowest {lowest}, {where(view.weights[at], view.labels)}."
    )


def sides(view: Triangle) -> Floats:
    """The values on the two sides from the first corner, which counts in both, as in the paper."""
    return np.concatenate([view.values[view.weights[:, other] < 1e-6] for other in (1, 2)])


def where(weights: Sequence[float] | Floats, labels: Sequence[str]) -> str:
    near = [label for weight, label in zip(weights, labels, strict=True) if weight >= 0.2]
    match near:
        case [corner]:
            exact = max(weights) > 0.999
            return f"{'at' if exact else 'near'} {corner}"
        case [corner, other]:
            return f"between {corner} and {other}"
        case _:
            return "in the middle"


def probability(value: float) -> str:
    """Two decimals; what would round to 0 or 1 says on which side it is."""
    if not math.isfinite(value):
        return "–"
    if value < 0.005:
        return "below 0.01"
    return "above 0.99" if value > 0.995 else f"{value:.2f}"


def twin(views: Mapping[str, Triangle]) -> Table:
    """Every point of every triangle as a row: the shares of its corners, and its value."""
    rows, numbers = [], []
    for title, view in views.items():
        for at in point_order(view):
            rows.append(title)
            numbers.append([*view.weights[at], view.values[at]])
    columns = ("first corner", "second corner", "third corner", "value")
    unit = next(iter(views.values())).unit
    return Table.grid(
        np.array(numbers, np.float32), tuple(rows), columns, ("share", "share", "share", unit)
    )


# ---------------------------------------------------------------- pictures


def picture_url(image: Array) -> str:
    """An image (3, H, W) in [0, 1] as a small picture."""
    return ENCODED.get(image, "corner", lambda: encode(as_pixels(image)))


def as_pixels(image: Array) -> Pixels:
    """An image (3, H, W) in [0, 1], of any precision, as bytes (H, W, 3)."""
    filled = np.nan_to_num(np.moveaxis(image, 0, -1).astype(np.float32))
    pixels: Pixels = np.rint(np.clip(filled, 0, 1) * 255).astype(np.uint8)
    return pixels


def encode(pixels: Pixels, side: int = SIDE) -> str:
    """The pixels as a WebP in a data URL, at most `side` long."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return data_url("webp", saved(picture, "WEBP", quality=WEBP_QUALITY))
