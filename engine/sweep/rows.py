"""What a sweep says of an answer: a row of numbers and a small picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from engine.core.pictures import Pixels, as_bytes, extent, overlay
from engine.core.result import HeatMap, Scores, Table, View

SIDE = 96  # px of a small picture, at most
QUALITY = 80  # of its WebP
MOST_FIGURES = 16  # of one view: a longer one is no list of figures
FIXED = (
    "image", "label", "model", "method", "settings", "arguments", "top_class", "confidence",
    "correct", "seconds", "digest",
)  # fmt: skip


@dataclass(frozen=True)
class SweepRow:
    """One answer as the tables and the sheet have it.

    Args:
        image, label, model, method: in words; "" where there is none.
        settings, arguments: what the plan names, such as "side=16,cover=mean".
        top_class: what the model says about the image; "" where it is asked about none, or
            gives no finite probabilities.
        confidence: its probability; None with it.
        correct: whether that is the label; None where the label is no class of the model.
        figures: single numbers of the answer by name.
        digest: under which the answer is kept.
        seconds: of computing it.
        address: of the view that shows it, from the app's own on; "" where none does.
        opens: digest of a person's own file, which the view asks for; "" for others.
        command: the same in a shell.
        picture: a small WebP; empty where there is nothing to draw.
        names: what a visitor calls classes, by which a kept answer is read; no table has them.
    """

    image: str
    label: str
    model: str
    method: str
    settings: str
    arguments: str
    top_class: str
    confidence: float | None
    correct: bool | None
    figures: Mapping[str, float]
    digest: str
    seconds: float
    address: str = ""
    opens: str = ""
    command: str = ""
    picture: bytes = field(default=b"", repr=False)
    names: tuple[str, ...] = field(default=(), repr=False)


def figures_of(answer: Mapping[str, View]) -> dict[str, float]:
    """The single numbers of an answer by `view.name`: ends of a map, a few scores, one row."""
    return {name: value for name, value in figures(answer) if np.isfinite(value)}


def figures(answer: Mapping[str, View]) -> Iterator[tuple[str, float]]:
    """Them one by one, with those that are not known."""
    for name, view in answer.items():
        match view:
            case HeatMap():
                low, high = extent(view.values)
                yield from ((f"{name}.low", low), (f"{name}.high", high))
            case Scores() if len(view.labels) <= MOST_FIGURES:
                for label, value in zip(view.labels, view.values, strict=True):
                    yield f"{name}.{label}", float(value)
            case Table() if len(view) == 1 and len(view.order) <= MOST_FIGURES:
                for column, values in view.columns.items():
                    if values.dtype.kind in "fiub":
                        yield f"{name}.{column}", float(values[0])


def row_thumbnail(image: Any, answer: Mapping[str, View]) -> bytes:
    """The answer's first map over its image, else the image, as a WebP of at most SIDE px.

    Args:
        image: pixels (3, H, W) in [0, 1], or None.
        answer: its views.
    """
    if image is None:
        return b""
    picture = shrunk(as_bytes(image))
    size = tuple(image.shape[1:])
    maps = (view for view in answer.values() if isinstance(view, HeatMap))
    if (
        heat := next((heat_map for heat_map in maps if heat_map.values.shape == size), None)
    ) is not None:
        picture = overlay(picture, heat)
    file = BytesIO()
    Image.fromarray(picture).save(file, "WEBP", quality=QUALITY)
    return file.getvalue()


def shrunk(pixels: Pixels) -> Pixels:
    """A picture whose longer side is SIDE px; a tiny one gets larger pixels, not more of them."""
    height, width = pixels.shape[:2]
    times = SIDE / max(height, width)
    resampling = Image.Resampling.NEAREST if times > 1 else Image.Resampling.BOX
    size = max(round(width * times), 1), max(round(height * times), 1)
    return np.asarray(Image.fromarray(pixels).resize(size, resampling))


def columns_of(rows: Sequence[SweepRow]) -> dict[str, list[Any]]:
    """Columns by name: the fixed ones, then each figure that any answer has."""
    columns: dict[str, list[Any]] = {name: [getattr(row, name) for row in rows] for name in FIXED}
    for name in dict.fromkeys(name for row in rows for name in row.figures):
        columns[name] = [row.figures.get(name) for row in rows]
    return columns
