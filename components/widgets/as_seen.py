"""A map over its picture as the viewer shows it, drawn again at the picture's own resolution.

What a person moves stays in the browser; a look is what the browser says of it when a picture is
saved or a result is pinned. It may be anything, so it is bounded here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan
from sys import float_info
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from components import colors
from components.widgets.wording import short_number, with_unit
from engine.core.errors import BlindspotError
from engine.core.pictures import Legend, Pixels, lettering, scale_ends, tint
from engine.core.result import HeatMap
from engine.vision.images import Slice, Window
from engine.vision.images.orientation import Edges
from engine.vision.images.window import Shape

Mode = Literal["image", "overlay", "map"]
MODES: tuple[Mode, ...] = ("image", "overlay", "map")
SHAPES: tuple[Shape, ...] = ("linear", "linear exact", "sigmoid", "table")
POINTS = 1024  # of a window's table
MOST_PANELS = 4  # side by side
MOST_ZOOM = 40.0
TRUTH = (255, 127, 42)  # as in the viewer
WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Scale:
    """Of one panel: the values at the ends of its colors; below the cut all is hidden."""

    low: float
    high: float
    cut: float | None = None


@dataclass(frozen=True)
class Look:
    """How a map is shown.

    Args:
        mode: the picture alone, the map over it, or the map alone.
        opacity: of the map over the picture, from 0 to 1.
        pixelated: whether the map's pixels are squares.
        outline: whether what is not hidden has a border.
        truth: whether the known truth has one.
        dark: whether the page is, and with it the ramp of signed maps.
        zoom: how many times larger than the whole.
        x, y: the middle of what is shown, in shares of the picture.
        window: of a scan, where it was moved.
        scales: by the titles of the panels.
    """

    mode: Mode = "overlay"
    opacity: float = 0.6
    pixelated: bool = False
    outline: bool = False
    truth: bool = True
    dark: bool = False
    zoom: float = 1.0
    x: float = 0.5
    y: float = 0.5
    window: Window | None = None
    scales: Mapping[str, Scale] | None = None

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """What is shown of a picture: left, top, right, bottom in px."""
        wide, high = width / self.zoom, height / self.zoom
        left = min(max(self.x * width - wide / 2, 0), width - wide)
        top = min(max(self.y * height - high / 2, 0), height - high)
        return round(left), round(top), round(left + max(wide, 1)), round(top + max(high, 1))


def read_look(sent: object) -> Look:
    """The browser's words for a look; whatever is not understood stays as it usually is."""
    if not isinstance(sent, Mapping):
        return Look()
    plain = Look()
    scales = {}
    for panel in as_list(sent.get("panels"))[:MOST_PANELS]:
        low, high, cut = (number(panel, name, nan) for name in ("low", "high", "cut"))
        if isfinite(low) and isfinite(high) and low <= high:
            scales[str(panel.get("title"))] = Scale(low, high, cut if isfinite(cut) else None)
    return Look(
        mode=sent["mode"] if sent.get("mode") in MODES else plain.mode,
        opacity=min(max(number(sent, "opacity", 60.0), 0.0), 100.0) / 100,
        pixelated=bool(sent.get("pixelated")),
        outline=bool(sent.get("outline")),
        truth=bool(sent.get("truth", True)),
        dark=bool(sent.get("dark")),
        zoom=min(max(number(sent, "zoom", 1.0), 1.0), MOST_ZOOM),
        x=number(sent, "x", 0.5),
        y=number(sent, "y", 0.5),
        window=read_window(sent.get("window")),
        scales=scales or None,
    )


def number(sent: object, name: str, otherwise: float) -> float:
    value = sent.get(name) if isinstance(sent, Mapping) else None
    return float(value) if isinstance(value, int | float) and finite(value) else otherwise


def finite(value: float) -> bool:
    """Whether it is a number that a float can hold; a whole number may be too large for one."""
    return abs(value) <= float_info.max


def as_list(sent: object) -> list[Any]:
    return sent if isinstance(sent, list) else []


def read_window(sent: object) -> Window | None:
    if not isinstance(sent, Mapping):
        return None
    exact: Shape = "linear exact"
    shape = next((shape for shape in SHAPES if shape == sent.get("shape")), exact)
    levels = [{"level": level} for level in as_list(sent.get("table"))[:POINTS]]
    table = tuple(number(level, "level", nan) for level in levels)
    center, width = (number(sent, name, nan) for name in ("center", "width"))
    if not all(map(isfinite, table)):
        return None
    try:
        return Window(center, width, shape, table if shape == "table" else ())
    except BlindspotError:
        return None


@dataclass(frozen=True, eq=False)
class MapGround:
    """What a map lies over.

    Args:
        pixels: the square that the model saw, (H, W, 3).
        behind: the same square of the scan that it is from.
        truth: where what matters is known to be, over the whole of it, (h, w).
        words: which part of which kind of picture it is.
    """

    pixels: Pixels
    behind: Slice | None = None
    truth: NDArray[np.bool_] | None = None
    words: str = ""

    def through(self, window: Window | None) -> Pixels:
        """The picture, through another window where one is given."""
        if window is None or self.behind is None or self.behind.values is None:
            return self.pixels
        levels = np.clip(self.behind.brightness(window), 0, 1) * 255
        return np.repeat(np.rint(levels).astype(np.uint8)[..., None], 3, axis=2)


def look_words(look: Look, ground: MapGround) -> str:
    """How it is shown: the map over the picture, the window of a scan, and which part."""
    parts = {
        "image": "The picture alone.",
        "map": "The map alone.",
        "overlay": f"The map lies over the picture at {100 * look.opacity:.0f} % opacity.",
    }[look.mode]
    if ground.behind is not None and ground.behind.values is not None:
        window, unit = look.window or ground.behind.window, ground.behind.unit
        width = with_unit(f"{window.width:.6g}", unit)
        parts += f" Window: center {window.center:.6g}, width {width}.".replace("-", "−")
    if look.zoom > 1:
        parts += f" Enlarged {look.zoom:.3g} times: a part of the picture is shown."
    return parts


def as_seen(heat: HeatMap, title: str, ground: MapGround, look: Look) -> tuple[Pixels, Legend]:
    """The picture as the viewer shows it, at its own resolution, and what its colors mean."""
    picture = ground.through(look.window)
    height, width = picture.shape[:2]
    scale = (look.scales or {}).get(title) or Scale(*scale_ends(heat))
    shades = ramp(heat, dark=look.dark)
    flat = scale.high - scale.low <= 1e-6 * max(abs(scale.low), abs(scale.high))
    values, known = enlarged(heat.values, width, height, smooth=not look.pixelated)
    cut = None if flat else scale.cut
    visible = known if cut is None else known & (strength(heat, values) >= cut)
    colored = tint(HeatMap(values, heat.unit, heat.signed), (scale.low, scale.high), shades).astype(
        np.float32
    )
    alpha = {"image": 0.0, "map": 1.0, "overlay": look.opacity}[look.mode]
    background = picture if look.mode != "map" else np.full_like(picture, 255)
    mixed = np.where(visible[..., None], (1 - alpha) * background + alpha * colored, background)
    image = np.rint(mixed).astype(np.uint8)
    if look.outline and cut is not None and alpha:
        image[border(visible)] = WHITE
    if look.truth and ground.truth is not None:
        mask = Image.fromarray(ground.truth).resize((width, height), Image.Resampling.NEAREST)
        image[border(np.asarray(mask))] = TRUTH
    left, top, right, bottom = look.box(width, height)
    shown_part = np.ascontiguousarray(image[top:bottom, left:right])
    if ground.behind is not None:
        shown_part = with_sides(shown_part, ground.behind.edges)
    return shown_part, legend(heat, scale, shades, cut, flat=flat)


def with_sides(picture: Pixels, edges: Edges | None) -> Pixels:
    page = Image.fromarray(picture)
    pen = ImageDraw.Draw(page)
    width, height = page.size
    size = max(12, min(width, height) // 22)
    gap = size // 3
    places = [((width // 2, height - gap), "mb", "orientation unknown")]
    if edges:
        places = [
            ((gap, height // 2), "lm", edges.left),
            ((width - gap, height // 2), "rm", edges.right),
            ((width // 2, gap), "mt", edges.top),
            ((width // 2, height - gap), "mb", edges.bottom),
        ]
    for place, anchor, text in places:
        pen.text(place, text, WHITE, lettering(size), anchor, stroke_width=2, stroke_fill=(0, 0, 0))
    return np.asarray(page)


def ramp(heat: HeatMap, *, dark: bool = False) -> colors.Ramp:
    if not heat.signed:
        return colors.SEQUENTIAL
    return colors.DIVERGING_DARK if dark else colors.DIVERGING_LIGHT


def strength(heat: HeatMap, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """By what a value is hidden: its size where the map is signed."""
    return np.abs(values) if heat.signed else values


def enlarged(
    values: NDArray[np.float32], width: int, height: int, *, smooth: bool
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The values at the picture's size, (height, width), and where they are known."""
    known = np.isfinite(values)
    resampling = Image.Resampling.BILINEAR if smooth and known.all() else Image.Resampling.NEAREST
    filled = np.where(known, values, 0).astype(np.float32)
    large = Image.fromarray(filled).resize((width, height), resampling)
    mask = Image.fromarray(known).resize((width, height), Image.Resampling.NEAREST)
    return np.asarray(large), np.asarray(mask)


def legend(
    heat: HeatMap, scale: Scale, shades: colors.Ramp, cut: float | None, *, flat: bool
) -> Legend:
    """The ends of the colors in words; hidden values are white in the bar."""
    values = np.linspace(scale.low, scale.high, len(shades))
    bar = np.full_like(shades, shades[127]) if flat else shades.copy()
    hidden = ""
    if cut is not None:
        bar[(np.abs(values) if heat.signed else values) < cut] = 255
        known = heat.values[np.isfinite(heat.values)]
        share = 100 * float((strength(heat, known) >= cut).mean()) if known.size else 0
        end = with_unit(short_number(cut), heat.unit)
        where = f"between {short_number(-cut)} and {end}" if heat.signed else f"below {end}"
        hidden = f"Hidden {where}; {share:.3g} % of the map is shown."
    middle = "the same everywhere" if flat else "0" if heat.signed else ""
    return Legend(
        bar, short_number(scale.low), middle, with_unit(short_number(scale.high), heat.unit), hidden
    )


def border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    width = max(1, max(mask.shape) // 100)
    padded = np.pad(mask, width)
    inner = mask.copy()
    for down in (0, width, 2 * width):
        for right in (0, width, 2 * width):
            inner &= padded[down : down + mask.shape[0], right : right + mask.shape[1]]
    return mask & ~inner
