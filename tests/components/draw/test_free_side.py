"""The text of a marked place is never cut off: it stands on the side that has room."""

from __future__ import annotations

import numpy as np
import pytest

from components.charts import plots
from components.draw.bars import Bars
from components.draw.lines import Lines
from components.start import pictures
from engine.result import Evidence, Table

PLACES = np.array([1.0, 10.0, 100.0, 1000.0])
TABLE = Table.of({"x": (PLACES, ""), "y": (PLACES, "")}, ("a", "b", "c", "d"))


def anchor(figure) -> str:
    """Which end of the text is at the line."""
    (note,) = [annotation for annotation in figure.layout.annotations if annotation.text]
    return note.xanchor


@pytest.mark.parametrize(
    ("now", "log", "span", "wanted"),
    [
        (1.0, False, None, "left"),
        (400.0, False, None, "left"),
        (1000.0, False, None, "right"),
        (1200.0, False, None, "right"),
        (20.0, True, None, "left"),
        (100.0, True, None, "right"),
        (1000.0, False, (0.0, 9000.0), "left"),
        (100.0, True, (0.0, 2.0), "right"),
    ],
)
def test_the_name_of_a_place_on_lines(now, log, span, wanted):
    chart = Lines(x="x", series={"y": "y"}, now=now, now_name="this image", log=log, x_span=span)
    assert anchor(chart.figure(TABLE)) == wanted


@pytest.mark.parametrize(("line", "wanted"), [(1.0, "left"), (999.0, "right"), (5000.0, "right")])
def test_the_name_of_a_line_across_bars(line, wanted):
    assert anchor(Bars(value="y", line=line, line_name="half").figure(TABLE)) == wanted


def evidence(*values: float) -> Evidence:
    places = np.arange(len(values))
    return Evidence(np.array(values, np.float32), {}, places, places, places, "nats", "alone")


@pytest.mark.parametrize(("own", "wanted"), [(-9.0, "left"), (0.2, "left"), (9.0, "right")])
def test_on_start_the_most_unusual_image_is_named_as_well(own, wanted, monkeypatch):
    drawn = []
    monkeypatch.setattr(plots, "show_figure", lambda figure, *_, **__: drawn.append(figure))
    normal = evidence(*np.linspace(0, 1, 40))
    pictures.draw_histogram({"normal": normal, "subject": evidence(own)}, "words")
    assert anchor(drawn[0]) == wanted
