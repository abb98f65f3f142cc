"""What the list of words takes from the browser: an order of the words that it has, no more."""

from __future__ import annotations

import pytest
import streamlit as st

from components.widgets import order


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (["b", "a", "c"], True),
        (["a", "b"], False),
        (["a", "b", "b"], False),
        (["a", "b", "c", "d"], False),
        (["a", "b", 3], False),
        ("abc", False),
        (None, False),
    ],
)
def test_only_the_same_words_in_another_order_are_taken(monkeypatch, sent, taken):
    drawn, moved = {}, []
    monkeypatch.setattr(order, "mounted", lambda _: lambda **arguments: drawn.update(arguments))
    monkeypatch.setattr(st, "session_state", {"list": {"order": sent}})
    order.draw_order(["a", "b", "c"], "letters", "list", moved.append)
    assert drawn["data"] == {"words": ["a", "b", "c"], "label": "letters"}
    drawn["on_order_change"]()
    assert moved == ([sent] if taken else [])
