"""What is folded away costs nothing until it is unfolded, and then only itself."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.visits import unfolded


def page() -> None:
    import streamlit as st

    from components.folded import folded

    folded("More", "more", lambda: st.markdown("what was folded"))
    st.markdown("the page")


def page_texts(at: AppTest) -> list[str]:
    return [block.value for block in at.markdown]


def test_the_content_is_drawn_when_it_is_unfolded_and_not_before():
    at = AppTest.from_function(page, default_timeout=60).run()
    assert [box.label for box in at.expander] == ["More"]
    assert page_texts(at) == ["the page"]
    assert page_texts(unfolded(at)) == ["what was folded", "the page"]
    at.session_state["more"] = False
    assert page_texts(at.run()) == ["the page"]
