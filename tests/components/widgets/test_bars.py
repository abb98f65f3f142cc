"""The bars: what is sent to the browser, and what a click brings back."""

from streamlit.testing.v1 import AppTest

from components.widgets.bars import Bar


def script():
    import streamlit as st

    from components.widgets.bars import Bar, bar_widget

    rows = [Bar(3, "<b>cat</b>", 0.7, before=0.2, chosen=True), Bar(1, "dog", 0.3)]
    bar_widget(rows, "still")
    bar_widget(rows, "clickable", lambda index: st.session_state.update(picked=index))


def test_bars_are_drawn_with_and_without_clicks():
    at = AppTest.from_function(script).run()
    assert not at.exception
    assert "picked" not in at.session_state


def test_a_click_brings_the_class_and_not_the_row(monkeypatch):
    import streamlit as st

    from components.widgets import bars as module

    sent = {}
    monkeypatch.setattr(module, "mounted", lambda _: lambda **arguments: sent.update(arguments))
    monkeypatch.setattr(st, "session_state", {"key": {"picked": 3}})
    picked = []
    module.bar_widget([Bar(3, "cat", 0.7), Bar(1, "dog", 0.3)], "key", picked.append)
    sent["on_picked_change"]()
    assert picked == [3]
    assert sent["data"]["clickable"]
    assert sent["data"]["rows"][0] == {
        "index": 3,
        "label": "cat",
        "value": 0.7,
        "before": None,
        "chosen": False,
    }


def test_a_click_that_was_taken_back_brings_nothing(monkeypatch):
    import streamlit as st

    from components.widgets import bars as module

    sent = {}
    monkeypatch.setattr(module, "mounted", lambda _: lambda **arguments: sent.update(arguments))
    monkeypatch.setattr(st, "session_state", {"key": {"picked": None}})
    picked = []
    module.bar_widget([], "key", picked.append)
    sent["on_picked_change"]()
    assert picked == []
