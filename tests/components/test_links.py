"""A choice that is no longer offered: let go of by the page, and shown so by the browser."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def page():
    import streamlit as st

    from components.links import let_go

    words = ["c", "d"] if st.toggle("others", key="others") else ["a", "b", "d"]
    let_go("word", words, st.session_state.get("first"))
    st.selectbox("Word", words, key="word", bind="query-params")


@pytest.mark.parametrize(("first", "shown"), [(None, "c"), ("d", "d")])
def test_what_is_gone_gives_way_to_the_first_and_the_browser_is_told(first, shown):
    at = AppTest.from_function(page)
    at.session_state["first"] = first
    at.run()
    at.selectbox(key="word").set_value("b").run()
    at.toggle(key="others").set_value(True).run()
    box = at.selectbox(key="word")
    assert box.value == shown
    assert (box.proto.set_value, box.proto.raw_value) == (True, shown)


def test_what_is_still_offered_stays():
    at = AppTest.from_function(page).run()
    at.selectbox(key="word").set_value("d").run()
    at.toggle(key="others").set_value(True).run()
    assert at.selectbox(key="word").value == "d"
