"""Curves, walks, and the words of an answer."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from components.draw.drawing import draw
from components.draw.orders import along_order
from components.draw.timeline import Frames, said_of, scores, strip
from components.draw.tokens import word_values
from engine.core.charts.curves import PROBABILITY, all_lines, as_columns
from engine.core.charts.drawing import Drawing
from engine.core.result import Curve, Path, Tokens
from tests.components.pages import page_of
from tests.tiny import tokens
from tests.visits import unfolded


def curve(x, y, label="cat", unit="probability", x_label="share of the image"):
    return Curve(np.array(x, np.float32), np.array(y, np.float32), x_label, label, unit)


CURVE = curve([0, 0.25, 1], [0.1, 0.9, 0.5])
LOW, HIGH = curve([0, 0.5, 1], [0.0, 0.2, 0.4]), curve([0, 1], [0.2, 1.0])


def test_curves_are_columns_read_off_at_the_places_of_the_first_and_keep_their_names():
    table = as_columns({"own": CURVE, "low": LOW, "high": HIGH}, ("none", "some", "all"))
    assert table.order == ("share of the image", "own", "low", "high")
    assert table["low"].tolist() == pytest.approx([0, 0.1, 0.4])
    assert table["high"].tolist() == pytest.approx([0.2, 0.4, 1])
    assert table.rows == ("none", "some", "all")
    assert table.units == ("share", *["probability"] * 3)
    table = as_columns({"score": curve([1, 2], [5, 7], unit="logit", x_label="score")})
    assert table.order == ("score", "score (value)")
    (line,) = all_lines(table).figure(table).data
    assert (list(line.x), list(line.y)) == ([1, 2], [5, 7])


def test_a_curve_is_drawn_in_percent_of_a_share_and_on_the_one_scale_of_probabilities():
    table = as_columns({"cat": CURVE})
    assert table.csv().splitlines()[0] == "share of the image,cat"
    figure = all_lines(table).figure(table)
    (line,) = figure.data
    assert list(line.x) == [0, 25, 100]
    assert list(line.y) == pytest.approx([0.1, 0.9, 0.5])
    assert figure.layout.xaxis.title.text == "share of the image (%)"
    assert figure.layout.yaxis.range == PROBABILITY
    logits = as_columns({"cat": curve([1, 2], [3, 4], unit="logit", x_label="step")})
    assert logits.units == ("", "logit")
    assert all_lines(logits).figure(logits).layout.yaxis.range is None


def test_an_order_stands_over_the_band_of_others_with_a_line_at_the_step():
    drawing = along_order(
        "deletion", {"cat": CURVE, "dog": HIGH}, (LOW, HIGH), "random orders", "It falls.", now=25.0
    )
    table = drawing.made({})
    figure = drawing.chart.figure(table)
    drawn = {trace.name: list(trace.y) for trace in figure.data if trace.name}
    assert drawn["random orders"] == pytest.approx([0.2, 0.4, 1])
    assert list(figure.data[0].y) == pytest.approx([0, 0.1, 0.4])
    assert drawn["dog"] == pytest.approx([0.2, 0.4, 1])
    assert drawing.title == "These hidden (deletion)"
    assert [shape.x0 for shape in figure.layout.shapes] == [25]
    assert table.order[-2:] == ("lowest of random orders", "highest of random orders")
    alone = along_order("insertion", {"cat": CURVE}, None, "random orders", "It rises.")
    assert len(alone.chart.figure(alone.made({})).data) == 1


def test_a_curve_is_a_kind_with_its_finding_and_its_numbers():
    drawing = Drawing("curve", "How it goes", finding=lambda _: "The cat leads at 25 %.")
    at = page_of(draw, drawing, {"curve": CURVE}, "curve")
    (chart,) = at.get("plotly_chart")
    assert chart.proto.alt == "The cat leads at 25 %."
    assert "The numbers as a table" in [expander.label for expander in at.expander]


def walk(values, steps=None):
    shades = np.linspace(0, 1, len(values), dtype=np.float16)
    frames = np.broadcast_to(shades[:, None, None, None], (len(values), 3, 4, 5))
    return Path(frames, np.asarray(values, np.float32), "confidence", steps)


def test_the_strip_has_both_ends_and_the_score_of_each_image():
    view = walk(np.linspace(0.1, 0.9, 21), np.arange(0, 210, 10))
    drawn = strip(view, "what is seen", Frames(most=5))
    assert drawn.columns == ("step 0", "step 50", "step 100", "step 150", "step 200")
    assert drawn.captions == ("0.10", "0.30", "0.50", "0.70", "0.90")
    assert drawn.images.shape == (1, 5, 4, 5, 3)
    assert drawn.images[0, :, 0, 0, 0].tolist() == [0, 64, 128, 191, 255]
    table = scores(view, Frames())
    assert table["step"].tolist() == list(range(0, 210, 10))
    assert table["score"] == pytest.approx(view.values)


def test_the_finding_says_where_it_begins_ends_and_turns(snapshot):
    walks = ([0.2, 0.5, 0.8], [0.2, 0.9, 0.8], [0.2, 0.1, 0.8], [0.5])
    assert snapshot == {str(values): said_of(walk(values), Frames()) for values in walks}


def test_a_walk_is_drawn_by_its_kind_with_the_numbers_beside_the_picture():
    path = Path(np.zeros((3, 3, 8, 8), np.float16), np.float32([1, 3, 2]), "logit")
    frames = Frames(score="score of a cat", step="frame")
    at = page_of(draw, Drawing("path", chart=frames), {"path": path}, "it")
    assert at.caption[0].value == (
        "The score of a cat goes from 1.00 logit at frame 0 to 2.00 logit at 2; "
        "between them above both, 3.00 logit at 1."
    )
    assert at.get("html")[0].proto.body.count("<img") == 3
    assert at.get("plotly_chart")


def answer(*said: str, ended: bool = True) -> Tokens:
    ends = {"probability": (0.5, 1), "entropy": (0.25, 1.25)}
    return tokens(*said, prompt="describe the image", ended=ended, **ends)


def drawn_words(view: Tokens) -> AppTest:
    drawing = Drawing("answer", "What it says", finding=lambda result: f"{len(result)} *answer*.")
    return page_of(draw, drawing, {"answer": view}, "test")


def test_words_are_drawn_by_kind_and_an_answer_that_was_cut_off_or_is_empty_says_so():
    at = drawn_words(answer("a", "car"))
    assert "**What it says**" in [block.value for block in at.markdown]
    assert "1 \\*answer\\*." in [caption.value for caption in at.caption]
    (table,) = (frame.value for frame in unfolded(at).dataframe)
    assert table.index.tolist() == ["a", "car"]
    assert table["probability (probability)"].tolist() == [0.5, 1.0]
    csv = word_values(answer("a", "car")).csv()
    assert csv.splitlines() == ["row,probability,entropy", "a,0.5,0.25", "car,1.0,1.25"]
    at = drawn_words(answer("a", ended=False))
    assert "cut off" in " ".join(caption.value for caption in at.caption)
    at = drawn_words(answer())
    assert [notice.value for notice in at.info] == ["The model ended without a word."]
    assert not at.dataframe
