"""The report: whole, offline, without a name of a file, and bounded."""

import base64
import re
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser

import numpy as np
import plotly.graph_objects as go
import pytest

from components.notices import RESEARCH
from components.report import document, figures
from components.report.document import report
from components.report.figures import svg
from components.report.pinned import freeze
from components.report.settings import setting_words
from components.widgets.as_seen import Look, MapGround
from engine.attribution import GradCam, Gradient
from engine.attribution.lima import LiMA
from engine.core import run
from engine.core.charts import style
from engine.core.charts.bars import Bars
from engine.core.charts.drawing import Exhibit
from engine.core.charts.lines import Lines
from engine.core.method import Method
from engine.core.result import Curve, HeatMap, Path, Pictures, Scores, Table
from engine.hallucination.decoding.dola import DoLa
from tests import tiny

WHEN = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
UPLOAD = "Doe, Jane <1961>.dcm"


def pinned(method=None, files=(UPLOAD,), **given):
    """An answer of the tiny network as it is pinned, with an upload's name in every text."""
    case = tiny.cnn_case()
    answer = run.answer(method or Gradient(), case)
    side = case.image.shape[-1]
    ground = MapGround(np.full((side, side, 3), 90, np.uint8), words=f"The middle of {UPLOAD}.")
    texts = {
        "title": f"Title of {UPLOAD}",
        "sentence": f"{UPLOAD} speaks.",
        "notes": [f"{UPLOAD}!"],
        "exhibits": [],
        "calls": [f"read({UPLOAD!r})", "python -m engine"],
        "look": Look(),
    } | given
    return freeze(answer=answer, ground=ground, files=files, **texts)


class Addresses(HTMLParser):
    """Everything that a browser would fetch or follow."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.found += [value for name, value in attrs if name in {"src", "href", "srcset", "data"}]


def test_nothing_is_fetched_and_nothing_runs():
    html = report([pinned(), pinned(LiMA(shape="grid", regions=16))], WHEN)
    reader = Addresses()
    reader.feed(html)
    assert all(source.startswith(("data:image/", "#")) for source in reader.found)
    assert len(reader.found) > 4
    assert not {"script", "link", "iframe", "object"} & set(reader.tags)
    assert "url(" not in html
    assert "@import" not in html


def test_no_text_names_the_file_and_all_of_it_is_escaped():
    html = report([pinned(title="<script>alert(1)</script>")], WHEN)
    assert "Jane" not in html
    assert "your file" in html
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html


def test_it_says_how_the_answer_was_made_and_what_it_is_not():
    result = pinned()
    report_html = unescape(report([result], WHEN))
    record, legend = result.record, result.maps[0].legend
    for part in (
        *(record["digest"], record["case"]["model_fingerprint"], record["case"]["target"]),
        *(record["versions"]["torch"], "signed", "python -m engine", RESEARCH, "27 November 2026"),
        *(*result.maps[0].lines, legend.low, legend.high),
    ):
        assert part in report_html


def test_every_figure_of_the_answer_is_in_it():
    method = LiMA(shape="grid", regions=16)
    answer = run.answer(method, tiny.cnn_case())
    html = report([pinned(method)], WHEN)
    curve = answer["insertion"]
    assert all(f"{value:.3f}".replace("-", "−") in html for value in curve.y)
    assert html.count('class="bar"') == sum(isinstance(view, HeatMap) for view in answer.values())
    tables = [view for view in answer.values() if isinstance(view, Curve | Scores | Table)]
    assert html.count("<table>") >= len(tables) > 3


def test_charts_and_pictures_stand_over_their_numbers_with_their_findings():
    table = Table.of({"birds": ([1.0, 7.0], "")}, ("cat", "owl"))
    exhibit = Exhibit(table, "How many", "Owls lead.", Bars(value="birds"))
    html = report([pinned(exhibits=[exhibit])], WHEN)
    result = re.search(r'src="data:image/svg\+xml;base64,([^"]+)" alt="Owls lead\."', html)
    assert "<svg" in base64.b64decode(result[1]).decode()
    assert html.index("Owls lead.") < html.index('<th scope="row">owl</th><td>7</td>')
    curve = Curve(np.array([1.0, 2.0]), np.array([5.0, 7.0]), "score", "score", "logit")
    html = report([pinned(exhibits=[Exhibit(curve, "Score", "It rises.")])], WHEN)
    assert 'alt="It rises."' in html
    assert '<th scope="col">score</th><th scope="col">score (value) (logit)</th>' in html
    grid = Pictures(np.zeros((1, 2, 8, 8, 3), np.uint8), ("",), ("a", "b"), "Two images.")
    walk = Path(np.zeros((20, 3, 8, 8), np.float16), np.arange(20, dtype=np.float32), "probability")
    result = pinned(exhibits=[Exhibit(grid, "Grid"), Exhibit(walk, "Walk")])
    frames = result.exhibits[1].view
    assert isinstance(frames, Pictures)
    assert (frames.columns[0], frames.columns[-1]) == ("step 0", "step 19")
    html = report([result], WHEN)
    assert 'alt="Two images."' in html
    assert 'alt="Steps of the walk."' in html


def test_forty_results_stay_within_room_and_time_and_tell_how_far_they_are(monkeypatch):
    table = Table.of({"birds": (np.arange(100.0), "")}, tuple(map(str, range(100))))
    result = pinned(exhibits=[Exhibit(table, "Birds", "", Bars(value="birds"))])
    monkeypatch.setattr(document, "SECONDS", 0.0)
    reports = []
    html = report([result] * 40, WHEN, lambda *step: reports.append(step))
    assert html.count("<article") == 40
    assert reports[0] == (0.0, f"1 of 40: {result.title}")
    assert reports[-1][0] == 1.0
    assert html.count(document.UNDRAWN) == 40
    assert "76 more rows are in the CSV file" in html
    monkeypatch.setattr(document, "ROOM", 1)
    small = report([result], WHEN)
    assert document.LEFT_OUT in unescape(small)
    assert 'class="shown"' not in small


def test_bars_lines_and_grids_are_drawn_and_others_are_left_to_their_numbers():
    bars = go.Figure(go.Bar(x=[1, 2], y=["a", "b"], orientation="h"))
    table = Table.of({"x": ([0.0, 1.0], ""), "y": ([0.5, 0.7], "")})
    lines = Lines(x="x", series={"y": "the y"}).figure(table)
    for figure in (bars, lines, go.Figure(go.Heatmap(z=[[0, 1], [1, 0]]))):
        assert svg(figure).lstrip().startswith("<?xml")
    more = go.Figure(go.Bar(x=[1, 2, 3, 4], y=list("abcd"), orientation="h"))
    assert svg(more).count("<path") > svg(bars).count("<path")
    assert svg(go.Figure(go.Surface(z=[[0, 1], [1, 0]]))) == ""
    assert svg(go.Figure()) == ""


@pytest.mark.parametrize("text", ["$x$", "<b>bold</b><br>two", "a & b"])
def test_any_label_can_be_drawn(text):
    assert "<svg" in svg(go.Figure(go.Bar(x=[text], y=[1]), {"xaxis": {"title": {"text": text}}}))


@pytest.mark.parametrize(
    "trace",
    [
        go.Bar(x=[], y=[], marker={"color": []}),
        go.Bar(x=[], y=[], orientation="h", text=[]),
        go.Scatter(x=[], y=[], mode="markers", marker={"color": []}),
        go.Scatter(x=[], y=[], mode="lines+markers", line={"color": "red"}, fill="toself"),
        go.Heatmap(z=[]),
    ],
    ids=["bars", "level bars", "marks", "area", "grid"],
)
def test_a_chart_without_marks_is_an_empty_chart(trace):
    assert svg(go.Figure(trace)).lstrip().startswith("<?xml")


def test_one_color_for_each_mark_is_drawn_and_every_dash_of_the_charts_is_known():
    two = go.Scatter(x=[1, 2], y=[1, 2], mode="markers", marker={"color": ["#ff0000", "#00ff00"]})
    assert all(color in svg(go.Figure(two)) for color in ("#ff0000", "#00ff00"))
    scaled = go.Scatter(x=[1, 2], y=[1, 2], mode="markers", marker={"color": [0.1, 0.9]})
    assert "#0072b2" in svg(go.Figure(scaled))
    assert set(style.DASHES) == {"solid", *figures.DASHES}


def words(method: Method) -> dict[str, str]:
    return dict(setting_words({"method": method.full_name(), "settings": method.settings()}))


def test_settings_are_in_words_without_what_plays_no_part_and_by_name_where_a_method_is_gone():
    assert words(GradCam())["Layer"] == "the last one"
    assert words(GradCam(layer="blocks.3"))["Layer"] == "blocks.3"
    assert "off" not in words(GradCam()).values()
    assert words(DoLa())["Early layer"] == "most different"
    assert "Repetition penalty" not in words(DoLa())
    assert words(DoLa(repetition=1.2))["Repetition penalty"] == "1.2"
    record = {"method": "attribution.Gone", "settings": {"depth": 3}}
    assert dict(setting_words(record)) == {"depth": "3"}
