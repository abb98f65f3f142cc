"""Stacked bars add up their parts; parts of one name look alike."""

from __future__ import annotations

import numpy as np
import pytest

from components.charts import style
from components.charts.style import GRAY
from components.draw.stacked import Stacked
from engine.result import Table

TABLE = Table.of(
    {
        "yes": ([0.6, 0.2], "share"),
        "no": ([0.38, 0.5], "share"),
        "another word": ([0.02, 0.3], "share"),
    },
    ("Greedy", "VCD"),
)
PARTS = {name: name for name in TABLE.order}


def test_the_parts_stand_one_behind_the_other_with_their_numbers():
    figure = Stacked(parts=PARTS, rest="another word", written=True).figure(TABLE)
    assert figure.layout.barmode == "stack"
    assert [bar.name for bar in figure.data] == list(TABLE.order)
    assert np.stack([bar.x for bar in figure.data]).sum(0).tolist() == pytest.approx([100, 100])
    assert [list(bar.text) for bar in figure.data] == [
        ["60 %", "20 %"],
        ["38 %", "50 %"],
        ["", "30 %"],
    ]
    colors = [bar.marker.color for bar in figure.data]
    assert colors[-1] == GRAY
    assert len(set(colors)) == len({bar.marker.pattern.shape for bar in figure.data}) == 3


def test_parts_of_one_name_have_one_place_in_the_legend():
    parts = {"yes": "closely", "no": "closely", "another word": "plainly"}
    bars = Stacked(parts=parts).figure(TABLE).data
    assert [bar.showlegend for bar in bars] == [True, False, True]
    assert bars[0].marker.color == bars[1].marker.color != bars[2].marker.color
    assert [bar.hovertext for bar in bars] == list(TABLE.order)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_counts_for_nothing_is_empty_and_has_its_place_in_the_legend(scheme, monkeypatch):
    monkeypatch.setattr("components.draw.stacked.theme", lambda: scheme)
    *_, last = Stacked(parts=PARTS, hollow="another word", written=True).figure(TABLE).data
    assert (last.name, last.showlegend) == ("another word", True)
    assert last.marker.color == "rgba(0,0,0,0)"
    assert last.marker.pattern.fgcolor == last.marker.line.color == GRAY
    assert last.insidetextfont.color == style.INK[scheme]  # it stands on the page
    others = Stacked(parts=PARTS).figure(TABLE).data
    assert [bar.marker.color for bar in others] == list(style.COLORS[scheme])


def test_a_part_without_a_number_takes_no_room():
    """Plotly would put the parts behind a NaN at zero."""
    table = Table.of({"a": ([0.5, np.nan], "score"), "b": ([np.nan, 0.1], "score")}, ("yes", "no"))
    first, second = Stacked(parts={"a": "a", "b": "b"}).figure(table).data
    assert list(first.x) == [0.5, 0]
    assert list(second.x) == [0, 0.1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_parts_have_the_colors_of_the_theme(scheme, monkeypatch):
    monkeypatch.setattr("components.draw.stacked.theme", lambda: scheme)
    bars = Stacked(parts=PARTS).figure(TABLE).data
    assert [bar.marker.color for bar in bars] == list(style.COLORS[scheme])
