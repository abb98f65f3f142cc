"""A page without a subject says why: its image is still read, behind how many questions, or not."""

from __future__ import annotations

from threading import Event

import pytest
from streamlit.testing.v1 import AppTest

from components import runs
from engine.device import best_device
from engine.lane import lane
from tests.components.sidebar.test_subject import upload
from tests.pages.test_start import new_picture
from tests.visits import problems, settled, visit


def page(state: str, own: bool, before: int) -> None:
    """The end of a page whose subject is not there."""
    import streamlit as st

    from components import runs
    from components.runs import Pending, Problem
    from components.sidebar import subject
    from components.sidebar.pictures import YOURS

    runs.lane = lambda _: type("Lane", (), {"place": lambda *_: before})()
    st.session_state["image"] = YOURS if own else "A cat (Chelsea)"
    waiting = {
        "pending": Pending("s", "Prediction", None, None, "cpu"),
        "problem": Problem("s", "Prediction", "It failed."),
        "none": None,
    }[state]
    subject.why_none(waiting)


@pytest.mark.parametrize(
    ("state", "own", "before", "says"),
    [
        ("pending", True, 1, "Your image is being read: 1 question goes first."),
        ("pending", True, 3, "Your image is being read: 3 questions go first."),
        ("pending", True, 0, "Your image is being read."),
        ("pending", False, 2, "The image is being read: 2 questions go first."),
        ("problem", True, 0, "The model gave no answer about this image; the sidebar says why."),
        ("none", True, 0, "Choose an image and a model in the sidebar; this page then shows its"),
    ],
)
def test_a_page_without_a_subject_says_why(state, own, before, says, monkeypatch):
    monkeypatch.setattr(runs, "lane", runs.lane)  # and back
    at = AppTest.from_function(page, kwargs={"state": state, "own": own, "before": before}).run()
    assert not at.exception
    (info,) = at.info
    assert info.value.startswith(says)


def test_an_upload_behind_another_question_says_so_instead_of_asking_for_an_image(monkeypatch):
    monkeypatch.setattr(runs, "LIVE_SECONDS", 0.0)
    monkeypatch.setattr(runs.ask, "__defaults__", (0.0,))
    queue, go, begun = lane(str(best_device())), Event(), Event()

    def busy(progress):
        begun.set()
        while not go.wait(0.01):
            progress(0.5)

    at = visit()
    job = queue.submit("busy", busy, "live", "another")
    try:
        assert begun.wait(20)
        upload(at, "new.png", new_picture())
        assert "Your image is being read: 1 question goes first." in problems(at)
        assert not any("Choose an image" in words for words in problems(at))
    finally:
        go.set()
        job.wait(20)
    assert not any("being read" in words for words in problems(settled(at)))
