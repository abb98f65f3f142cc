"""A walk to take along: its images as an animation with the finding below, its numbers as CSV."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path as File
from typing import Any

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from components.widgets.sheets import SMALL, frame_pixels
from engine.core.result import Curve, Path, Ranking, View
from engine.core.result.spreadsheet import csv_text

SIDE = 224  # px; smaller images are enlarged pixel by pixel to about this
NARROWEST = 160  # px; what the words need
FRAME_MS, HOLD_MS = 120, 1500  # the ends stand longer
TEXT = 14  # px
LEADING = 19  # px
GIF_COLORS = (192, 96, 32)
PALETTE_SCENES = 5
GIF_LIMIT = 3_000_000  # bytes
WEBP_QUALITY = 75

Views = Mapping[str, View]


@dataclass(frozen=True)
class AnimationFrame:
    """An image of the animation and how long it stands."""

    image: Image.Image
    milliseconds: int


def as_gif(views: Views, title: str = "") -> bytes:
    """An endless GIF, in fewer colors where it would get heavy."""
    frames = scenes(views, title)
    for colors in GIF_COLORS:
        palette = palette_frames(frames).quantize(colors)
        none = Image.Dither.NONE  # it would flicker
        quantized = [scene.image.quantize(palette=palette, dither=none) for scene in frames]
        body = moving(quantized, frames, "GIF", optimize=False)
        if len(body) <= GIF_LIMIT:
            break
    return body


def as_webp(views: Views, title: str = "") -> bytes:
    """An endless animated WebP: true colors in less room."""
    frames = scenes(views, title)
    images = [scene.image for scene in frames]
    return moving(images, frames, "WEBP", quality=WEBP_QUALITY, method=2)


def palette_frames(frames: list[AnimationFrame]) -> Image.Image:
    picked = np.unique(np.linspace(0, len(frames) - 1, PALETTE_SCENES).astype(int))
    width, height = frames[0].image.size
    sheet = Image.new("RGB", (width, height * len(picked)))
    for row, at in enumerate(picked):
        sheet.paste(frames[at].image, (0, row * height))
    return sheet


def moving(
    images: list[Image.Image], frames: list[AnimationFrame], form: str, **options: Any
) -> bytes:
    file = io.BytesIO()
    times = [scene.milliseconds for scene in frames]
    first, *rest = images
    first.save(file, form, save_all=True, append_images=rest, duration=times, loop=0, **options)
    return file.getvalue()


def scenes(views: Views, title: str = "") -> list[AnimationFrame]:
    path = walk_path(views)
    last = len(path.frames) - 1
    return [
        AnimationFrame(
            captioned(enlarged(frame), caption(views, at), title),
            HOLD_MS if at in {0, last} else FRAME_MS,
        )
        for at, frame in enumerate(path.frames)
    ]


def walk_path(views: Views) -> Path:
    path = views.get("path")
    if not isinstance(path, Path) or not len(path.frames):
        message = "The walk has no images."
        raise ValueError(message)
    return path


def steps_of(views: Views) -> list[int]:
    return [int(step) for step in np.asarray(walk_path(views).steps)]


def enlarged(frame: Any) -> Image.Image:
    image = Image.fromarray(frame_pixels(frame))
    if max(image.size) > SMALL:
        return image
    times = max(1, SIDE // max(image.size))
    return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)


def caption(views: Views, at: int) -> tuple[str, str, str]:
    step, last = steps_of(views)[at], max(step_count(views) - 1, steps_of(views)[-1])
    ranking = views.get("top")
    says = ""
    if isinstance(ranking, Ranking):
        says = f"{ranking.labels[at][0]} {ranking.values[at][0]:.2f}"
    distance = views.get("rmse to target")
    distance_text = f"RMSE to target {distance.y[step]:.3f}" if isinstance(distance, Curve) else ""
    return f"step {step} of {last}", says, distance_text


def captioned(image: Image.Image, words: tuple[str, str, str], title: str) -> Image.Image:
    step, says, distance_text = words
    lines = [title, step, says, distance_text] if title else [step, says, distance_text]
    width = max(image.width, NARROWEST)
    whole = Image.new("RGB", (width, image.height + len(lines) * LEADING + 8), "white")
    whole.paste(image, ((width - image.width) // 2, 0))
    pen = ImageDraw.Draw(whole)
    for at, line in enumerate(lines):
        font = typeface(bold=line == says)
        y = image.height + 4 + at * LEADING
        pen.text((6, y), ellipsize(line, font, width - 12), fill="black", font=font)
    return whole


def ellipsize(line: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The line; where it is too long, its middle is left out, for the number is at its end."""
    if font.getlength(line) <= width:
        return line
    for index in range(len(line), 1, -1):
        head = index * 2 // 3
        short = f"{line[:head]}…{line[len(line) - (index - head) :]}"
        if font.getlength(short) <= width:
            return short
    return ""


@cache
def typeface(*, bold: bool) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib and has the letters of every label we know."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(File(mpl.get_data_path(), "fonts", "ttf", name), TEXT)


def statistics_csv(views: Views) -> str:
    """One row for every step and one column for every curve; empty where nothing is known."""
    curves = {name: view for name, view in views.items() if isinstance(view, Curve)}
    steps = range(step_count(views))
    return csv_text(
        ["step", *curves],
        ([step, *(step_text(curve, step) for curve in curves.values())] for step in steps),
    )


def step_count(views: Views) -> int:
    return max((len(view.y) for view in views.values() if isinstance(view, Curve)), default=0)


def step_text(curve: Curve, step: int) -> str:
    if step >= len(curve.y) or not np.isfinite(curve.y[step]):
        return ""
    return f"{curve.y[step]:.9g}"
