"""Panels share their rows, and each has its own scale, texts and reference line."""

from __future__ import annotations

import numpy as np
import pytest

from components.charts import style
from components.draw.drawing import scrolled
from components.draw.panels import Panels, scale_ends
from engine.result import Table

TABLE = Table.of({"passes": ([1.0, 2.0], ""), "share": ([0.5, np.nan], "share")}, ("greedy", "VCD"))
SHAPE = Panels(
    panels={"passes": "Forward passes", "share": "Share"},
    lines={"passes": 1.0},
    texts={"share": ["50", "cut off"]},
    hatched={"share": [False, True]},
)


def test_each_panel_has_the_numbers_of_its_column():
    passes, share = SHAPE.figure(TABLE).data
    assert list(passes.x) == [1, 2]
    assert list(share.x) == [50, 0]
    assert list(passes.y) == list(share.y) == ["greedy", "VCD"]
    assert (passes.xaxis, share.xaxis) == ("x", "x2")
    assert list(share.text) == ["50", "cut off"]
    assert list(share.marker.pattern.shape) == ["", "/"]
    assert list(passes.marker.pattern.shape) == ["", ""]


def test_the_line_stands_in_its_own_panel_and_titles_above():
    figure = SHAPE.figure(TABLE)
    (line,) = figure.layout.shapes
    assert (line.x0, line.x1, line.xref) == (1, 1, "x")
    titles = [note.text for note in figure.layout.annotations]
    assert titles == ["<b>Forward passes</b>", "<b>Share</b>"]
    assert figure.layout.xaxis2.title.text == "%"


def test_a_panel_reaches_from_zero_to_its_longest_bars_with_room_for_texts():
    assert scale_ends(np.array([1.0, 2.0, np.nan])) == pytest.approx((0, 2.7))
    low, high = scale_ends(np.array([-1.0, 1.0]))
    assert low < -1 < 1 < high
    assert scale_ends(np.array([np.nan]))[0] == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_panels_have_the_colors_of_the_theme(scheme, monkeypatch):
    monkeypatch.setattr("components.draw.panels.theme", lambda: scheme)
    colors = [bar.marker.color for bar in SHAPE.figure(TABLE).data]
    assert colors == list(style.COLORS[scheme][:2])


@pytest.mark.parametrize(("count", "expected"), [(2, False), (3, False), (4, True)])
def test_more_than_three_panels_are_scrolled_on_a_telephone(count, expected):
    assert scrolled(Panels(panels={str(index): "" for index in range(count)})) is expected
