"""A choice that is no longer offered, and what stands in no link."""

import pytest
import streamlit as st

from components.links import let_go
from components.sweep import grid
from tests.components.pages import page_of
from tests.engine.sweep.test_rows import ROWS


def draw(first):
    words = ["c", "d"] if st.toggle("others", key="others") else ["a", "b", "d"]
    let_go("word", words, first)
    st.selectbox("Word", words, key="word", bind="query-params")


@pytest.mark.parametrize(
    ("chosen", "first", "shown"), [("b", None, "c"), ("b", "d", "d"), ("d", None, "d")]
)
def test_what_is_gone_gives_way_to_the_first_and_the_browser_is_told(chosen, first, shown):
    at = page_of(draw, first)
    at.selectbox(key="word").set_value(chosen).run()
    at.toggle(key="others").set_value(True).run()
    box = at.selectbox(key="word")
    assert box.value == shown
    if chosen == "b":  # which is no longer offered
        assert (box.proto.set_value, box.proto.raw_value) == (True, shown)


@pytest.mark.parametrize("linked", [True, False])
def test_a_link_has_no_class_that_a_visitor_named(linked, monkeypatch):
    monkeypatch.setattr(grid.st, "page_link", lambda *_, **__: None)  # there are no other pages
    at = page_of(lambda: grid.show(ROWS, linked=linked))
    at.selectbox(key="sweep.only.predicted class").select("5").run()
    assert any("2 of 4 answers" in caption.value for caption in at.caption)
    assert bool(at.selectbox(key="sweep.only.predicted class").proto.query_param_key) is linked
