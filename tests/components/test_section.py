"""A section asks, waits, draws and explains in one order, on every view."""

from __future__ import annotations

from itertools import count
from threading import Event

import pytest
from streamlit.testing.v1 import AppTest

from components.draw.drawing import Drawing
from components.section import in_rows
from engine.lane import lanes
from tests.components import sections
from tests.visits import problems, settled

REVISIONS = count(1)


@pytest.fixture(autouse=True)
def slowly(monkeypatch):
    """The method waits until it is let go, and nothing is known from another test."""
    for name in ("running", "let_go"):
        monkeypatch.setattr(sections.Counted, name, Event())
    monkeypatch.setattr(sections.Counted, "revision", next(REVISIONS))
    yield
    sections.Counted.let_go.set()
    for job in [job for lane in lanes() for job in lane.jobs()]:
        job.wait(10)


def page(**chosen) -> AppTest:
    """A page of one section."""
    at = AppTest.from_function(sections.page, default_timeout=30)
    at.session_state["chosen"] = chosen
    return at.run()


def order(at: AppTest) -> list[str]:
    """What stands on the page from top to bottom."""
    return [
        node.value
        if hasattr(node, "value") and node.type in {"header", "markdown", "caption"}
        else node.type
        for node in at.main
    ]


def test_a_wide_drawing_has_a_row_of_its_own():
    drawings = [Drawing("a"), Drawing("b", wide=True), Drawing("c"), Drawing("d"), Drawing("e")]
    rows = [[(at, drawing.view) for at, drawing in row] for row in in_rows(drawings, 2)]
    assert rows == [[(0, "a")], [(1, "b")], [(2, "c"), (3, "d")], [(4, "e")]]
    assert in_rows([], 2) == []


def test_the_answer_stands_in_one_order():
    sections.Counted.let_go.set()
    at = settled(page())
    assert not problems(at)
    sequence = order(at)
    places = [
        next(at for at, word in enumerate(sequence) if start in word)
        for start in ("Owls lead", "the picture", "How many", "owl has most", "the detail", "toys.")
    ]
    assert places == sorted(places)
    assert len(at.get("plotly_chart")) == 1
    assert "What am I looking at?" in [expander.label for expander in at.expander]
    assert [popover.proto.popover.label for popover in at.get("popover")] == ["Share"]


def test_what_waits_for_its_button_says_what_it_would_do():
    at = page(button="Count them", before="Every bird is counted.")
    assert "Every bird is counted." in order(at)
    assert not sections.Counted.running.is_set()
    sections.Counted.let_go.set()
    next(button for button in at.button if button.label.startswith("Count them")).click().run()
    settled(at)
    assert at.header[0].value == "Owls lead with 3."


def test_what_it_rests_on_is_asked_before_it():
    at = page(first=((sections.CountedBefore(), sections.Birds(), "birds.before"),))
    assert sections.Counted.running.wait(10)
    at.run()
    assert [button.key for button in at.button if button.label == "Stop"] == ["birds.before.stop"]
    sections.Counted.let_go.set()
    assert settled(at).header[0].value == "Owls lead with 3."


def test_what_is_there_already_is_drawn_while_the_rest_is_computed():
    at = page()
    assert sections.Counted.running.wait(10)
    at.run()
    assert not at.header  # no finding without the whole answer
    assert len(at.get("plotly_chart")) == 1
    at.button(key="birds.Counted.stop").click().run()
    assert problems(at) == ["Counted: Stopped."]
    assert len(at.get("plotly_chart")) == 1


def test_a_question_that_cannot_be_asked_says_why():
    at = page(lacking=True)
    assert "Not available: there is no such bird." in order(at)
    assert not at.button


def test_how_it_was_made_can_stand_apart_from_the_answer():
    sections.Counted.let_go.set()
    sequence = order(settled(page(apart=True)))
    line = next(at for at, word in enumerate(sequence) if "toys." in word)
    assert sequence.index("the detail") < sequence.index("the rest of the view") < line


def test_what_follows_the_picture_can_stand_below_the_controls():
    sections.Counted.let_go.set()
    at = settled(page(controlled=True))
    sequence = order(at)
    places = [
        next(at for at, word in enumerate(sequence) if start in word)
        for start in (
            "Owls lead",
            "the picture",
            "the controls",
            "owl has most",
            "the detail",
            "toys.",
        )
    ]
    assert places == sorted(places)
