"""What stands in a shape scene: sixteen things of one to six parts, and four backgrounds.

A thing is drawn eight times too large and reduced to an alpha mask and a shade: its color times
the shade is what is seen.
"""

from dataclasses import dataclass
from functools import cache
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

THEMES = ("sea", "street", "garden", "table")
CATEGORIES = (
    *("boat", "fish", "anchor", "shell"),
    *("car", "lamp", "wheel", "sign"),
    *("tree", "bird", "flower", "sun"),
    *("cup", "plate", "fork", "apple"),
)
HABITS = {"boat": "fish", "car": "lamp", "tree": "bird", "cup": "plate"}

COLORS = ("red", "green", "blue", "yellow", "orange", "purple", "white", "black")
PAINT = np.array(
    [
        (0.85, 0.12, 0.12),
        (0.10, 0.60, 0.15),
        (0.12, 0.20, 0.90),
        (0.95, 0.90, 0.10),
        (1.00, 0.55, 0.05),
        (0.60, 0.10, 0.70),
        (1.00, 1.00, 1.00),
        (0.04, 0.04, 0.04),
    ],
    np.float32,
)
FAVORITES = np.array([0, 4, 7, 6, 2, 3, 7, 0, 1, 2, 5, 3, 6, 6, 7, 0])  # a color of each category

SIDE = 64  # px of a scene
SIZES = (12, 15, 18)  # px of a thing
FRAME = 22  # px of a sprite's frame: the largest thing and its border
FINE = 8  # how many times too large it is drawn
UNSEEN = len(THEMES)  # a background that belongs to no theme

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class SpritePart:
    """A piece of a thing. Places are shares of its side; arcs end with two angles and a width."""

    shape: str  # polygon, oval, box, slice, arc, line, hole (cut out), crease (shade only)
    at: tuple[float, ...]
    shade: int = 255


def ray(turn: int) -> SpritePart:
    """One of the sun's eight rays."""
    angle = turn * pi / 4
    return SpritePart("line", (0.5, 0.5, 0.5 + 0.5 * cos(angle), 0.5 + 0.5 * sin(angle), 0.09))


PARTS: dict[str, tuple[SpritePart, ...]] = {
    "boat": (
        SpritePart("polygon", (0, 0.6, 1, 0.6, 0.8, 1, 0.2, 1), 140),
        SpritePart("polygon", (0.45, 0, 0.95, 0.52, 0.45, 0.52)),
    ),
    "fish": (
        SpritePart("oval", (0, 0.25, 0.7, 0.75)),
        SpritePart("polygon", (0.6, 0.5, 1, 0.15, 1, 0.85), 150),
    ),
    "anchor": (
        SpritePart("box", (0.43, 0.1, 0.57, 0.95)),
        SpritePart("box", (0.2, 0.25, 0.8, 0.37)),
        SpritePart("arc", (0.05, 0.3, 0.95, 1, 20, 160, 0.14)),
    ),
    "shell": (
        SpritePart("slice", (0, 0.1, 1, 1.5, 200, 340)),
        SpritePart("crease", (0.5, 0.9, 0.3, 0.2, 0.08), 110),
        SpritePart("crease", (0.5, 0.9, 0.7, 0.2, 0.08), 110),
    ),
    "car": (
        SpritePart("box", (0, 0.45, 1, 0.75)),
        SpritePart("polygon", (0.2, 0.45, 0.35, 0.2, 0.7, 0.2, 0.85, 0.45), 150),
        SpritePart("oval", (0.1, 0.65, 0.35, 0.9), 90),
        SpritePart("oval", (0.65, 0.65, 0.9, 0.9), 90),
    ),
    "lamp": (
        SpritePart("box", (0.45, 0.3, 0.55, 1), 120),
        SpritePart("oval", (0.25, 0, 0.75, 0.42)),
    ),
    "wheel": (
        SpritePart("oval", (0, 0, 1, 1)),
        SpritePart("hole", (0.27, 0.27, 0.73, 0.73)),
        SpritePart("box", (0.46, 0.1, 0.54, 0.9)),
        SpritePart("box", (0.1, 0.46, 0.9, 0.54)),
    ),
    "sign": (
        SpritePart("polygon", (0.5, 0, 1, 0.35, 0.5, 0.7, 0, 0.35)),
        SpritePart("box", (0.45, 0.65, 0.55, 1), 120),
    ),
    "tree": (
        SpritePart("box", (0.4, 0.6, 0.6, 1), 90),
        SpritePart("polygon", (0.5, 0, 0.95, 0.68, 0.05, 0.68)),
    ),
    "bird": (
        SpritePart("polygon", (0, 0.2, 0.5, 0.55, 1, 0.2, 0.85, 0.6, 0.5, 0.8, 0.15, 0.6)),
        SpritePart("oval", (0.38, 0.42, 0.62, 0.95), 140),
    ),
    "flower": (
        *(
            SpritePart("oval", (x, y, x + 0.42, y + 0.42))
            for x, y in ((0.3, 0), (0.3, 0.5), (0.02, 0.25), (0.58, 0.25))
        ),
        SpritePart("oval", (0.36, 0.3, 0.64, 0.6), 90),
        SpritePart("box", (0.46, 0.8, 0.54, 1), 120),
    ),
    "sun": (*(ray(turn) for turn in range(8)), SpritePart("oval", (0.27, 0.27, 0.73, 0.73))),
    "cup": (
        SpritePart("polygon", (0.05, 0.15, 0.7, 0.15, 0.6, 0.95, 0.15, 0.95)),
        SpritePart("arc", (0.5, 0.3, 1, 0.75, -100, 100, 0.1)),
        SpritePart("crease", (0.05, 0.21, 0.7, 0.21, 0.12), 130),
    ),
    "plate": (
        SpritePart("oval", (0, 0.2, 1, 0.85)),
        SpritePart("oval", (0.22, 0.33, 0.78, 0.7), 140),
    ),
    "fork": (
        SpritePart("box", (0.44, 0.4, 0.56, 1)),
        SpritePart("box", (0.2, 0.35, 0.8, 0.45)),
        SpritePart("box", (0.2, 0, 0.29, 0.4)),
        SpritePart("box", (0.455, 0, 0.545, 0.4)),
        SpritePart("box", (0.71, 0, 0.8, 0.4)),
    ),
    "apple": (
        SpritePart("oval", (0, 0.25, 0.6, 1)),
        SpritePart("oval", (0.4, 0.25, 1, 1)),
        SpritePart("box", (0.46, 0, 0.55, 0.3), 100),
    ),
}


@cache
def sprites() -> tuple[Floats, Floats]:
    """Alpha and shade of every category in every size, (16, 3, FRAME, FRAME) each."""
    pictures = [[sprite(PARTS[name], size) for size in SIZES] for name in CATEGORIES]
    alpha, shade = np.moveaxis(np.array(pictures, np.float32), 2, 0)
    return alpha, shade


def sprite(parts: tuple[SpritePart, ...], size: int) -> tuple[Floats, Floats]:
    """Alpha and shade of one thing."""
    side = FRAME * FINE
    alpha, shade = Image.new("L", (side, side), 0), Image.new("L", (side, side), 255)
    for part in parts:
        if part.shape != "crease":
            draw(alpha, part, 0 if part.shape == "hole" else 255, size)
        if part.shape != "hole":
            draw(shade, part, part.shade, size)
    return reduced(alpha), reduced(shade)


def draw(image: Image.Image, part: SpritePart, ink: int, size: int) -> None:
    """A part in the middle of the frame."""
    start, unit = (FRAME - size) / 2 * FINE, size * FINE
    corners = 4 if part.shape in {"arc", "slice", "line", "crease"} else len(part.at)
    at = [start + unit * share for share in part.at[:corners]]
    pen = ImageDraw.Draw(image)
    match part.shape:
        case "polygon":
            pen.polygon(at, fill=ink)
        case "oval" | "hole":
            pen.ellipse(at, fill=ink)
        case "box":
            pen.rectangle(at, fill=ink)
        case "slice":
            pen.pieslice(at, part.at[4], part.at[5], fill=ink)
        case "arc":
            begin, end, width = part.at[4:]
            pen.arc(at, begin, end, fill=ink, width=int(width * unit))
        case "line" | "crease":
            pen.line(at, fill=ink, width=int(part.at[4] * unit))


def reduced(image: Image.Image) -> Floats:
    """At its own size, in [0, 1]."""
    small = image.resize((FRAME, FRAME), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / np.float32(255)


@cache
def backgrounds() -> Floats:
    """One for each theme and one that belongs to none, (5, SIDE, SIDE, 3)."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    down = y / SIDE
    sea = np.stack([0.35 - 0.15 * down, 0.55 - 0.10 * down, 0.72 - 0.10 * down], axis=-1)
    sea += 0.05 * np.sin(y / 2.6 + np.sin(x / 6))[..., None]
    street = np.full((SIDE, SIDE, 3), 0.5, np.float32)
    street[30:34, (x[0] // 8) % 2 == 0] = 0.66  # lane marks
    street[:, :3] = 0.42  # the curb
    speckles = np.random.default_rng(0).random((SIDE, SIDE, 1)) - 0.5
    garden = np.array([0.42, 0.60, 0.36]) + 0.12 * speckles
    table = np.array([0.60, 0.45, 0.30]) + 0.06 * np.sign(np.sin(x / 3.2))[..., None]
    unseen = np.array([0.62, 0.52, 0.66]) + 0.07 * np.sign(np.sin((x + y) / 3.5))[..., None]
    return np.stack([sea, street, garden, table, unseen]).astype(np.float32)
