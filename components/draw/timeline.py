"""Images along a walk or in time: a strip of some of them over the curve of their score."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.charts.style import number
from components.draw import tables
from components.draw.pictures import draw_pictures
from components.widgets.player import thinned
from engine.core.charts.curves import PROBABILITY
from engine.core.charts.drawing import DrawnAs
from engine.core.charts.lines import Lines
from engine.core.pictures import as_bytes
from engine.core.result import Path, Pictures, Table

MOST = 8  # images in the strip


@dataclass(frozen=True, kw_only=True)
class Frames(DrawnAs):
    """How images with a score are drawn.

    Args:
        score: what the score is.
        step: what parts one image from the next.
        most: images in the strip, ends included.
    """

    score: str = "score"
    step: str = "step"
    most: int = MOST


def draw_timeline(view: Path, key: str, finding: str, shape: Frames) -> None:
    table = scores(view, shape)
    words = finding or said_of(view, shape)
    draw_pictures(strip(view, words, shape), f"{key}.strip")
    span = PROBABILITY if view.unit in ("probability", "confidence") else None
    chart = Lines(x=shape.step, series={shape.score: shape.score}, span=span)
    tables.draw_chart(chart, table, words, f"{key}.curve")


def strip(view: Path, finding: str, shape: Frames) -> Pictures:
    at = thinned(len(view.frames), shape.most)
    images = np.stack([as_bytes(frame.astype(np.float32)) for frame in view.frames[at]])
    captions = tuple(score_text(value, view.unit) for value in view.values[at])
    columns = tuple(f"{shape.step} {step}" for step in steps(view)[at])
    return Pictures(images[None], ("",), columns, finding, captions=captions)


def scores(view: Path, shape: Frames) -> Table:
    return Table.of({shape.step: (steps(view), ""), shape.score: (view.values, view.unit)})


def said_of(view: Path, shape: Frames) -> str:
    at = steps(view)
    first, last = (score_text(view.values[place], view.unit) for place in (0, -1))
    sentence = f"The {shape.score} goes from {first} at {shape.step} {at[0]} to {last} at {at[-1]}"
    for word, place in (("above", np.nanargmax(view.values)), ("below", np.nanargmin(view.values))):
        if 0 < place < len(at) - 1:
            value = score_text(view.values[place], view.unit)
            return f"{sentence}; between them {word} both, {value} at {at[place]}."
    return f"{sentence}."


def score_text(value: float, unit: str) -> str:
    text = number(float(value))
    return text if unit in ("", "probability", "confidence") else f"{text} {unit}"


def steps(view: Path) -> NDArray[np.int64]:
    return np.asarray(view.steps)
