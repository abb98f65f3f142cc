"""An answer's words are drawn with their values, a finding, and a table."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from components.draw.tokens import word_values
from engine.result import Tokens
from tests.visits import unfolded


def answer(*said: str, ended: bool = True) -> Tokens:
    count = len(said)
    return Tokens(
        np.arange(count),
        np.linspace(0.5, 1, count, dtype=np.float32),
        np.zeros(count, np.float32),
        np.zeros((count, 0, 0, 0), np.float16),
        said,
        "describe the image",
        (8, 8),
        ended=ended,
    )


def page() -> None:
    """What AppTest runs."""
    import streamlit as st

    from components.draw.drawing import Drawing, draw

    drawing = Drawing("answer", "What it says", finding=lambda result: f"{len(result)} *answer*.")
    draw(drawing, {"answer": st.session_state["answer"]}, "test")


def drawn(view: Tokens) -> AppTest:
    at = AppTest.from_function(page, default_timeout=30)
    at.session_state["answer"] = view
    at.run()
    assert not at.exception
    return at


def test_words_are_drawn_by_kind_with_their_finding_and_table():
    at = drawn(answer("a", "car"))
    assert "**What it says**" in [block.value for block in at.markdown]
    assert "1 \\*answer\\*." in [caption.value for caption in at.caption]
    (table,) = (frame.value for frame in unfolded(at).dataframe)
    assert table.index.tolist() == ["a", "car"]
    assert table["probability (probability)"].tolist() == [0.5, 1.0]


def test_an_answer_that_was_cut_off_or_has_no_words_says_so():
    assert any("cut off" in caption.value for caption in drawn(answer("a", ended=False)).caption)
    at = drawn(answer())
    assert [notice.value for notice in at.info] == ["The model ended without a word."]
    assert not at.dataframe


def test_the_values_of_the_words_are_a_file():
    frame = pd.read_csv(StringIO(word_values(answer("a", "car")).csv()))
    assert frame["row"].tolist() == ["a", "car"]
    assert frame["probability"].tolist() == pytest.approx([0.5, 1.0])
