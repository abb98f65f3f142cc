"""Sparser originals: squares, words and question are the engine's numbers."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from components.forget import sparser
from components.forget.words import TITLES
from engine.run import answer
from engine.unlearning import BoardCase, GradientAscent, NoOp, SparseOriginals
from engine.unlearning.protocol.sparser import FIGURES, RATIOS, means
from tests import tiny
from tests.visits import problems, settled

GA = GradientAscent(epochs=1)
FT = np.array([[0.4, 0.3], [0.3, 0.2], [0.2, 0.1], [0.1, 0.1]])  # (ratios, seeds)


def table(seeds=2, attack=0.9):
    """Retrained, untouched, GA and FT; only the gap of FT falls, and its UA follows it."""

    def row(name, fall):
        return [0.0, 0.5, 0.3, fall] if name.startswith("gap") else [0.9, 0.1, 0.2, 1 - fall]

    names = ("Retrain", "NoOp", "GA", "FT")
    accuracy = {"attack accuracy": ([attack] * 4, "share"), "attack images": ([400] * 4, "")}
    runs = {
        ratio: [
            sparser.Table.of(
                {name: (row(name, fall), "share") for name in FIGURES} | accuracy, names
            )
            for fall in falls
        ]
        for ratio, falls in zip(RATIOS, FT, strict=True)
    }
    return means(runs, seeds)


def test_ways_stand_by_their_gap_where_most_is_cut_below_the_untouched_model():
    squares = sparser.squares_of(table(), "gap")
    assert squares.rows == tuple(TITLES[way] for way in ("NoOp", "FT", "GA"))
    assert squares.order == ("all weights", "50 % cut", "80 % cut", "95 % cut")
    np.testing.assert_allclose(squares.values[1], FT.mean(1))
    chart = sparser.chart(table(), "gap")
    assert chart.texts[1][0] == "35 ± 7"
    assert sparser.chart(table(seeds=1), "gap").texts[1] == ["40", "30", "20", "10"]
    words = sparser.finding(table(), "gap")
    assert f"{TITLES['FT']} changes most: 35 with all weights, 10 with most cut." in words


def test_the_first_figure_is_the_gap_that_ranks():
    assert next(iter(sparser.MEASURES)) == sparser.RANKED
    for attack, column in ((0.9, "gap"), (0.52, "gap without MIA")):
        result = table(attack=attack)
        assert sparser.figure(result, sparser.RANKED) == column
        assert sparser.figure(result, "gap") == "gap"
        words = sparser.finding(result, sparser.RANKED)
        assert ("so MIA does not count" in words) is (column != "gap")


def test_another_figure_has_the_retrained_model_first_and_the_color_of_its_distance():
    squares = sparser.squares_of(table(), "UA")
    assert squares.rows[:2] == (TITLES["Retrain"], TITLES["NoOp"])
    chart = sparser.chart(table(), "UA")
    assert chart.texts[0][0] == "90 ± 0"
    np.testing.assert_allclose(np.array(chart.colors)[:, 0], [0, 80, 25, 70])
    assert "near the first row" in sparser.finding(table(), "UA")


def test_what_failed_is_named_so():
    assert sparser.value_with_spread(float("nan"), float("nan")) == "failed"


def page() -> None:
    """What AppTest runs."""
    import streamlit as st

    from components import section
    from components.forget import sparser

    for row in sparser.sparser(st.session_state["closer"]):
        section.show(row[0])


class Closer:
    """All that the part looks at."""

    class asked:  # noqa: N801
        case = tiny.forget_case()


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(sparser, "every_way", lambda case: BoardCase(case, (NoOp(), GA)))


def test_the_part_asks_when_told_and_says_what_the_answer_says(few):
    at = AppTest.from_function(page, default_timeout=60)
    at.session_state["closer"] = Closer
    at.query_params.update({f"{sparser.SLOT}.seeds": "1", f"{sparser.SLOT}.by": "SynFlow"})
    at.run()
    assert not at.exception
    assert "every way forgets with each" in " ".join(caption.value for caption in at.caption)
    at.button(key=f"{sparser.KEY}.SparseOriginals.go").click().run()
    settled(at)
    assert not problems(at)
    method, case = (
        SparseOriginals(by="SynFlow", seeds=1),
        BoardCase(Closer.asked.case, (NoOp(), GA)),
    )
    result = answer(method, case)
    assert at.header[0].value == method.finding(case, result)
    words = " ".join(caption.value for caption in at.caption).replace("\\", "")
    assert sparser.finding(result["table"], sparser.RANKED) in words
    at.selectbox(key=f"{sparser.SLOT}.figure").set_value("test right").run()
    assert "near the first row" in " ".join(caption.value for caption in at.caption)
