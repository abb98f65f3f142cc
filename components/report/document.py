"""The report: one HTML file that holds all of its pictures, asks no network, and prints to A4.

Charts are in it as still pictures with their numbers below. Plotly's own script would let them
move, at 4 MB for each file and with code in a document that is to be filed; so it is left out.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from components.charts.style import inked, on_paper
from components.charts.tables import formats, framed
from components.draw.fields import FieldChart
from components.draw.rows import rows_of
from components.exports import in_seconds
from components.notices import RESEARCH
from components.report.figures import svg
from components.report.pinned import Pinned, SeenMap
from components.report.settings import setting_words
from components.widgets.encoding import data_url, saved
from engine.core.charts.chart import Chart
from engine.core.charts.curves import all_lines
from engine.core.charts.drawing import Exhibit
from engine.core.charts.matrix import Matrix
from engine.core.charts.panels import Panels
from engine.core.charts.scores import score_bars
from engine.core.charts.style import INK
from engine.core.charts.words import NONE
from engine.core.pictures import Pixels, labeled_grid
from engine.core.result import Curve, Field, Pictures, Ranking, Scores, Table, Tokens, View

PNG_LIMIT = 600_000  # bytes; a bigger picture goes as WebP
WEBP_QUALITY = 92
MOST_ROWS, MOST_COLUMNS = 24, 8  # of a table that is printed
NARROW = 4  # columns that have room in half the width
WIDE = (Matrix, Panels)
ROOM = 30_000_000  # characters of a report; pictures beyond are left out, and the report says so
FOLDER = Path(__file__).parent
FILE = "blindspot-report.html"
SECONDS = 60.0  # for drawing charts; those that come later are given as their numbers
LEFT_OUT = "This picture was left out, so that the report stays small enough to be sent."
UNDRAWN = "This chart is given as its numbers: the report has many, and drawing them took long."
ProgressCallback = Callable[[float, str], object]


@dataclass(frozen=True)
class PrintedTable:
    """Numbers as they are printed.

    Args:
        heads: of the columns, the first one that of the rows' names.
        rows: cells as text.
        more: what is not printed, in words.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    more: str = ""


@dataclass(frozen=True)
class PrintedFigure:
    """A picture, what is said of it, and its numbers.

    Args:
        title: above it.
        src: the picture as a data URL; "" without one.
        finding: alt text and caption.
        table: its numbers.
        wide: whether it takes the whole width.
        bar, low, middle, high: of a map's legend, the bar as a data URL.
        lines: more sentences below it.
    """

    title: str
    src: str = ""
    finding: str = ""
    table: PrintedTable | None = None
    wide: bool = True
    bar: str = ""
    low: str = ""
    middle: str = ""
    high: str = ""
    lines: Sequence[str] = ()


def report(
    results: Sequence[Pinned], when: datetime, progress: ProgressCallback = lambda *_: None
) -> str:
    """The report of some results, in their order.

    Args:
        results: what is in it.
        when: the date on it.
        progress: hears how much is done, from 0 to 1, and of what.
    """
    left, until = ROOM, monotonic() + SECONDS
    chapters = []
    with on_paper():
        for at, result in enumerate(results):
            progress(at / len(results), f"{at + 1} of {len(results)}: {result.title}")
            chapter = chapter_of(result, left, until)
            left -= sum(len(figure.src) for key in ("maps", "figures") for figure in chapter[key])
            chapters.append(chapter)
    progress(1.0, "written")
    return template().render(
        chapters=chapters,
        when=when.strftime("%d %B %Y, %H:%M UTC").lstrip("0"),
        disclaimer=RESEARCH,
        css=(FOLDER / "report.css").read_text("utf-8"),
    )


@cache
def template() -> Any:
    """The page, which escapes all that it is given."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


def chapter_of(result: Pinned, room: int, until: float) -> dict[str, Any]:
    maps = [printed_map(seen_map, result.title) for seen_map in result.maps]
    figures = [printed(exhibit, drawn=monotonic() < until) for exhibit in result.exhibits]
    printed_figures: dict[str, list[PrintedFigure]] = {"maps": [], "figures": []}
    for kind, kind_figures in (
        ("maps", maps),
        ("figures", [figure for figure in figures if figure]),
    ):
        for figure in kind_figures:
            room -= len(figure.src)
            printed_figures[kind].append(figure if room >= 0 else without_picture(figure))
    return {
        "name": result.name,
        "title": result.title,
        "sentence": result.sentence,
        "about": result.about,
        "notes": result.notes,
        "facts": facts(result),
        "settings": list(setting_words(result.record)),
        "paper": result.record.get("paper") or "",
        "calls": list(zip(("Python", "Shell"), result.calls, strict=False)),
        **printed_figures,
    }


def without_picture(figure: PrintedFigure) -> PrintedFigure:
    return PrintedFigure(
        figure.title, "", figure.finding, figure.table, lines=[*figure.lines, LEFT_OUT]
    )


def facts(result: Pinned) -> list[tuple[str, str]]:
    record, case = result.record, result.record["case"]
    values = {
        "Method": f"{record['method']} r{record['revision']}",
        "Model": case.get("model"),
        "Model digest": case.get("model_fingerprint"),
        "Class": case.get("target"),
        "Read as": case.get("reading"),
        "Data": case.get("data"),
        "Data digest": case.get("data_fingerprint"),
        "Compared with": case.get("normal"),
        "Working size": f"{case['side']} px" if case.get("side") else None,
        "Precision": case.get("precision"),
        "Seed": case.get("seed"),
        "Device": record.get("device"),
        "Computed": f"{record.get('when')}, in {in_seconds(record['seconds'])}",
        "Answer digest": record["digest"],
        "Versions": ", ".join(map(" ".join, (record.get("versions") or {}).items())),
    }
    return [(name, str(value)) for name, value in values.items() if value not in (None, "")]


# ---------------------------------------------------------------- pictures and charts


def printed_map(seen_map: SeenMap, heading: str) -> PrintedFigure:
    legend, title = seen_map.legend, "" if seen_map.title == heading else seen_map.title
    return PrintedFigure(
        title,
        picture_src(seen_map.pixels),
        seen_map.lines[0],
        wide=False,
        bar=picture_src(legend.bar),
        low=legend.low,
        middle=legend.middle,
        high=legend.high,
        lines=seen_map.lines[1:],
    )


def printed(exhibit: Exhibit, *, drawn: bool = True) -> PrintedFigure | None:
    view = exhibit.view
    if isinstance(view, Pictures):
        finding = exhibit.finding or f"{view.finding} {view.unit}".strip()
        return PrintedFigure(exhibit.title, picture_src(labeled_grid(view)), finding)
    if isinstance(view, Field):
        field_chart = exhibit.shape if isinstance(exhibit.shape, FieldChart) else FieldChart()
        src = figure_src(field_chart.figure(view)) if drawn else ""
        return PrintedFigure(exhibit.title, src, exhibit.finding, lines=[] if drawn else [UNDRAWN])
    rows = rows_of(view)
    if rows is None or not len(rows):
        return None
    chart = exhibit.shape if isinstance(exhibit.shape, Chart) else default_chart(view, rows)
    src = figure_src(chart.figure(rows)) if chart and drawn else ""
    lines = [f"“{view.text}”"] if isinstance(view, Tokens) else []
    lines += [UNDRAWN] if chart and not drawn else []
    names, wide = (chart.names, isinstance(chart, WIDE)) if chart else ((), False)
    table = printed_table(rows, names)
    return PrintedFigure(
        exhibit.title, src, exhibit.finding, table, wide or len(table.heads) > NARROW, lines=lines
    )


def default_chart(view: View, rows: Table) -> Chart | None:
    if isinstance(view, Scores | Ranking):
        return score_bars(view)
    return all_lines(rows) if isinstance(view, Curve) else None


def printed_table(rows: Table, names: Sequence[str] = ()) -> PrintedTable:
    table = replace(rows, rows=tuple(names)) if names else rows
    frame = framed(table).iloc[:MOST_ROWS, :MOST_COLUMNS]
    cells = [
        [str(name), *(write(value) for write, value in zip(formats(table), line, strict=False))]
        for name, line in zip(frame.index, frame.to_numpy(), strict=True)
    ]
    hidden = []
    if len(table) > MOST_ROWS:
        hidden.append(f"{len(table) - MOST_ROWS:,} more rows")
    if len(table.columns) > MOST_COLUMNS:
        hidden.append(f"{len(table.columns) - MOST_COLUMNS} more columns")
    more = f"{' and '.join(hidden)} are in the CSV file under Share." if hidden else ""
    return PrintedTable(["", *frame.columns], cells or [[NONE]], more)


def figure_src(figure: go.Figure) -> str:
    """A chart as a picture within the page; "" where it cannot be drawn."""
    svg_text = svg(go.Figure(inked(figure.to_dict(), INK["light"])))
    coded = base64.b64encode(svg_text.encode()).decode()
    return f"data:image/svg+xml;base64,{coded}" if svg_text else ""


def picture_src(pixels: Pixels) -> str:
    """PNG, or WebP where that would be heavy."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    body = saved(image, "PNG", optimize=False)
    if len(body) <= PNG_LIMIT:
        return data_url("png", body)
    return data_url("webp", saved(image, "WEBP", quality=WEBP_QUALITY))
