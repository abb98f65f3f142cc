"""The grid of walks: a row ends at its target, a column stays its source's class to the model.

Drawn as a plain HTML table, so that a screen reader can walk through it; every label is escaped.
`as_png` draws the same for a file.
"""

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path as File
from typing import cast

import matplotlib as mpl
import numpy as np
import streamlit as st
from PIL import Image, ImageDraw, ImageFont

from components.charts.tables import fold_numbers
from components.widgets.downloads import download
from components.widgets.triangle import as_pixels, encode, probability
from components.widgets.viewer import ENCODED, Pixels
from engine.core.result import Path, Result, Table

SIDE = 176  # px of a picture on the page
CELL, GAP, LINE, MARGIN, LETTER = 224, 12, 22, 150, 9  # px of the file
INK, PAPER, WARN = "#12171a", "#ffffff", "#b84f00"
CLASS_KEPT, LOST, ITSELF = "✓ class kept", "✗ class lost", "the image itself"


@dataclass(frozen=True)
class Cell:
    """One end of a walk: its picture, its probability, and whether the class held."""

    pixels: Pixels
    value: float
    kept: bool
    source: str
    target: str
    diagonal: bool

    @property
    def mark(self) -> str:
        if not np.isfinite(self.value):
            return "no value"
        return ITSELF if self.diagonal else CLASS_KEPT if self.kept else LOST

    @property
    def words(self) -> str:
        """The finding, for who does not see the picture."""
        number = probability(self.value)
        if self.diagonal:
            return f"{self.source}, the image itself: probability {number}"
        return (
            f"End of the walk from {self.source} to {self.target}: "
            f"probability of {self.source} {number}, {self.mark}"
        )


def draw_grid(result: Result, key: str) -> None:
    style = File(__file__).with_suffix(".css").read_text("utf-8")
    st.html(f"<style>{style}</style>{as_html(result)}")
    download("PNG", lambda: as_png(result), "blindspot-grid.png", f"{key}.png")
    names = ("confidence", "kept", "rmse")
    fold_numbers({f"{key}.{name}": cast(Table, result[name]) for name in names})


def cells(result: Result) -> list[list[Cell]]:
    images, class_kept = cast(Path, result["images"]), cast(Table, result["kept"])
    labels = class_kept.rows
    count = len(labels)
    return [
        [
            Cell(
                as_pixels(images.frames[row * count + column]),
                float(images.values[row * count + column]),
                bool(class_kept.values[row, column] == 1),
                labels[column],
                labels[row],
                row == column,
            )
            for column in range(count)
        ]
        for row in range(count)
    ]


def finding(rows: Sequence[Sequence[Cell]]) -> str:
    """How many walks kept their class, and the lowest probability among them."""
    walks = [cell for row in rows for cell in row if not cell.diagonal]
    values = [cell.value for cell in walks if np.isfinite(cell.value)]
    lowest = f", lowest probability {probability(min(values))}" if values else ""
    kept_count = sum(cell.kept for cell in walks)
    return (
        "The walks of a row lead to the picture on its left; the number is the probability of the "
        f"class on top. {kept_count} of {len(walks)} walks kept that class{lowest}."
    )


# ---------------------------------------------------------------- on the page


def as_html(result: Result) -> str:
    rows = cells(result)
    diagonal = [row[at] for at, row in enumerate(rows)]
    columns = "".join(
        f'<th scope="col">{thumbnail_html(cell, "")}<small>to the model</small> '
        f"{escape(cell.source)}</th>"
        for cell in diagonal
    )
    body = "".join(
        f'<tr><th scope="row">{thumbnail_html(first, "")}<small>walked to</small> '
        f"{escape(first.target)}</th>{''.join(map(cell_html, row))}</tr>"
        for first, row in zip(diagonal, rows, strict=True)
    )
    corner = "<td><small>to the model →</small><small>walked to ↓</small></td>"
    return (
        f"<p>{escape(finding(rows))}</p>"
        '<div class="bs-walks" tabindex="0" role="region" aria-label="Grid of walks"><table>'
        f"<thead><tr>{corner}{columns}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def cell_html(cell: Cell) -> str:
    kind = "itself" if cell.diagonal else "kept" if cell.kept else "lost"
    return (
        f'<td class="bs-{kind}">{thumbnail_html(cell, cell.words)}'
        f"<b>{probability(cell.value)}</b> <span>{cell.mark}</span></td>"
    )


def thumbnail_html(cell: Cell, words: str) -> str:
    url = ENCODED.get(cell.pixels, f"cell{SIDE}", lambda: encode(cell.pixels, SIDE))
    return f'<img src="{url}" alt="{escape(words)}">'


# ---------------------------------------------------------------- as a file


def as_png(result: Result) -> bytes:
    """The grid as one picture, with labels, probabilities and marks."""
    rows = cells(result)
    step, count = CELL + GAP, len(rows)
    high = CELL + 2 * LINE + GAP
    wide = MARGIN + count * step + GAP
    foot = textwrap.wrap(finding(rows), wide // LETTER)
    size = (wide, 3 * LINE + count * high + len(foot) * LINE + GAP)
    page = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(page)
    for at, row in enumerate(rows):
        left, top = MARGIN + at * step, 3 * LINE + at * high
        write_text(pen, (left, GAP), "to the model", 13, CELL)
        write_text(pen, (left, GAP + LINE), row[at].source, 17, CELL)
        write_text(pen, (GAP, top), "walked to", 13, MARGIN)
        write_text(pen, (GAP, top + LINE), row[at].target, 17, MARGIN - 2 * GAP)
        for column, cell in enumerate(row):
            paste(page, pen, cell, (MARGIN + column * step, top))
    for at, line in enumerate(foot):
        write_text(pen, (GAP, size[1] - (len(foot) - at) * LINE - GAP), line, 13, size[0] - 2 * GAP)
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


def paste(page: Image.Image, pen: ImageDraw.ImageDraw, cell: Cell, at: tuple[int, int]) -> None:
    left, top = at
    page.paste(Image.fromarray(cell.pixels).resize((CELL, CELL), Image.Resampling.LANCZOS), at)
    lost = not (cell.kept or cell.diagonal)
    if lost:
        pen.rectangle((left, top, left + CELL - 1, top + CELL - 1), outline=WARN, width=5)
    words = f"{probability(cell.value)}  {cell.mark}"
    write_text(pen, (left, top + CELL + 4), words, 17, CELL, WARN if lost else INK)


def write_text(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, room: int, ink: str = INK
) -> None:
    """One line of text, cut with an ellipsis where the room ends."""
    typeface = font(size)
    while typeface.getlength(text) > room and len(text) > 1:
        text = text[:-2].rstrip() + "…"
    pen.text(at, text, ink, typeface)


def font(size: int) -> ImageFont.FreeTypeFont:
    """The letters that come with matplotlib; they have every sign used here."""
    file = File(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    return ImageFont.truetype(str(file), size)
