"""The play button's Python: the browser may send anything, and only steps move the slider."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from components.widgets import steps


def after(sent, monkeypatch, level="2"):
    """Where the slider stands after a message of a button that was drawn at level 2 of 3."""
    drawn, state = {}, {"k": {"step": sent}, "level": level}
    monkeypatch.setattr(steps, "mounted", lambda _file: lambda **arguments: drawn.update(arguments))
    monkeypatch.setattr(steps, "st", SimpleNamespace(session_state=state))
    steps.play_steps("the levels", 2, 3, "k", "level", drawn=False)
    assert drawn["data"] == {"label": "the levels", "at": 2, "last": 3, "drawn": False}
    drawn["on_step_change"]()
    return state["level"]


@pytest.mark.parametrize("step", [0, 3])
def test_a_step_that_there_is_moves_the_slider(step, monkeypatch):
    assert after({"from": 2, "to": step}, monkeypatch) == str(step)


@pytest.mark.parametrize("step", [4, -1, None, True, 1.5, "1", [1]])
def test_any_other_does_not(step, monkeypatch):
    assert after({"from": 2, "to": step}, monkeypatch) == "2"
    assert after(step, monkeypatch) == "2"


@pytest.mark.parametrize("level", ["0", "3"])
def test_a_step_does_not_override_where_the_person_has_moved_since(level, monkeypatch):
    assert after({"from": 2, "to": 3}, monkeypatch, level) == level
    assert after({"from": 2, "to": 1}, monkeypatch, level) == level
