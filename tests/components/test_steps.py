"""The play button's Python: the browser may send anything, and only steps are passed on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from components.widgets import steps


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (0, [0]),
        (3, [3]),
        (4, []),
        (-1, []),
        (None, []),
        (True, []),
        (1.5, []),
        ("2", []),
        ([1], []),
    ],
)
def test_only_a_step_that_there_is_is_passed_on(sent, told, monkeypatch):
    drawn, asked = {}, []
    monkeypatch.setattr(steps, "mounted", lambda _file: lambda **given: drawn.update(given))
    monkeypatch.setattr(steps, "st", SimpleNamespace(session_state={"k": {"step": sent}}))
    steps.play_steps("the levels", 2, 3, "k", asked.append, drawn=False)
    assert drawn["data"] == {"label": "the levels", "at": 2, "last": 3, "drawn": False}
    drawn["on_step_change"]()
    assert asked == told
