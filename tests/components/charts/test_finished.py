"""A kept figure is the one that would be built now: what it is drawn of tells it from others."""

import json
import re
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest

from components.charts import plots
from components.charts.finished import FINISHED_FIGURES, LEAST, Finished, finished, finished_figure
from components.views import ROOT
from engine.core.charts.bars import Bars
from engine.core.charts.lines import Lines
from engine.core.charts.style import INK, PAGE
from engine.core.result import Table
from tests.components.pages import page_of

TABLE = Table.of({"change": ([-0.25, 0.5], "share"), "other": ([1.0, 2.0], "nat")}, ("a", "b"))
SHAPE = Bars(value="change")


@pytest.fixture(autouse=True)
def nothing_kept():
    FINISHED_FIGURES.clear()
    yield
    FINISHED_FIGURES.clear()


def spec(shape, table):
    return finished_figure(shape.figure, table).to_dict()


def test_a_figure_is_sent_as_plotly_would_write_it():
    figure = go.Figure(SHAPE.figure(TABLE))
    figure.add_annotation(text="mine", font_color="#fff").add_annotation(text="plain")
    sent = finished(figure).to_dict()
    written = json.loads(plotly.io.to_json(figure, validate=False))
    assert sent["data"] == written["data"]
    notes = [note.pop("font") for note in sent["layout"]["annotations"]]
    assert [font["color"] for font in notes] == ["#fff", INK["light"]]
    assert sent["layout"]["xaxis"]["title"]["text"] == written["layout"]["xaxis"]["title"]["text"]


def test_what_was_drawn_before_is_not_built_again():
    built = []

    class Counted(Bars):
        def figure(self, table):
            built.append(table)
            return super().figure(table)

    globals()["Counted"] = Counted  # a name under which it can be told from others
    Counted.__qualname__ = "Counted"
    shape = Counted(value="change")
    same = Table.of({"change": ([-0.25, 0.5], "share"), "other": ([1.0, 2.0], "nat")}, ("a", "b"))
    assert spec(shape, TABLE) == spec(replace(shape), same)
    assert len(built) == 1


@pytest.mark.parametrize(
    ("shape", "table"),
    [
        (SHAPE, Table.of({"change": ([-0.25, 0.51], "share")}, ("a", "b"))),  # a number
        (SHAPE, Table.of({"change": ([-0.25, 0.5], "share")}, ("a", "c"))),  # a row's name
        (SHAPE, Table.of({"change": ([-0.25, 0.5], "nat")}, ("a", "b"))),  # its unit
        (replace(SHAPE, title="another"), TABLE),
        (replace(SHAPE, names=("A", "B")), TABLE),
        (replace(SHAPE, height=500), TABLE),
        (replace(SHAPE, line=10.0), TABLE),
        (Lines(x="other", series={"change": "change"}), TABLE),
    ],
)
def test_whatever_changes_in_it_gives_another_figure(shape, table):
    first = spec(SHAPE, TABLE)
    assert spec(shape, table) != first
    assert spec(shape, table) == finished(shape.figure(table)).to_dict()
    assert spec(SHAPE, TABLE) == first


def test_the_other_theme_has_a_figure_of_its_own(monkeypatch):
    light = spec(SHAPE, TABLE)
    monkeypatch.setattr(PAGE, "theme", lambda: "dark")
    dark = spec(SHAPE, TABLE)
    assert light["layout"]["font"]["color"] == INK["light"]
    assert dark["layout"]["font"]["color"] == INK["dark"]


def test_a_kept_figure_cannot_be_spoiled_and_all_are_bounded_in_bytes_and_in_number():
    first = spec(SHAPE, TABLE)
    first["data"][0]["name"] = "spoiled"
    assert spec(SHAPE, TABLE)["data"][0]["name"] != "spoiled"
    assert Finished("{}").size == LEAST
    assert finished_figure(go.Figure, [go.Scatter(y=np.zeros(LEAST))]).size > LEAST
    assert FINISHED_FIGURES.room // LEAST <= 2048


def test_what_cannot_be_told_from_another_is_built_each_time():
    for title in ("one", "two"):
        figure = finished_figure(lambda: go.Figure(layout_title_text=title))  # noqa: B023
        assert figure.to_dict()["layout"]["title"]["text"] == title
    assert not FINISHED_FIGURES.names()


def test_no_chart_draws_of_the_session_or_of_chance():
    folders = ROOT / "engine" / "core" / "charts", ROOT / "components" / "draw"
    files = (path.read_text("utf-8") for folder in folders for path in folder.glob("*.py"))
    charts = [text for text in files if "def figure(self" in text]
    assert len(charts) > 10
    for text in charts:
        assert not re.findall(r"session_state|query_params|get_option|\brandom\b|\btime\(", text)


def test_the_page_shows_the_finished_figure():
    for _ in range(2):  # built, then kept
        figure = finished_figure(SHAPE.figure, TABLE)
        (chart,) = page_of(plots.show_figure, figure, "what it shows", "figure").get("plotly_chart")
        assert json.loads(chart.proto.spec) == spec(SHAPE, TABLE)
        assert chart.proto.alt == "what it shows"
