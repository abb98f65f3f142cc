"""Sections, cards and folded parts ask, wait, draw and explain in one order, on every view."""

from functools import partial
from itertools import count
from threading import Event

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from components import views
from components.folded import folded
from components.section import Section, in_rows
from components.start.cards import LATER, Card, card_or_reason, fill
from engine.core.charts.drawing import Drawing
from engine.core.errors import BadData
from engine.core.lane import lanes
from tests.components.pages import page_of
from tests.components.sections import Birds, Counted, CountedBefore, draw
from tests.visits import problems, settled, unfolded

REVISIONS = count(1)


@pytest.fixture(autouse=True)
def slowly(monkeypatch):
    """The method waits until it is let go, and nothing is known from another test."""
    for name in ("running", "let_go"):
        monkeypatch.setattr(Counted, name, Event())
    monkeypatch.setattr(Counted, "revision", next(REVISIONS))
    yield
    Counted.let_go.set()
    for job in [job for lane in lanes() for job in lane.jobs()]:
        job.wait(10)


def page(**chosen) -> AppTest:
    return page_of(partial(draw, **chosen))


def order(at: AppTest) -> list[str]:
    says = {"header", "markdown", "caption"}
    return [node.value if node.type in says else node.type for node in at.main]


def test_a_wide_drawing_has_a_row_of_its_own():
    drawings = [Drawing("a"), Drawing("b", wide=True), Drawing("c"), Drawing("d"), Drawing("e")]
    rows = [[(at, drawing.view) for at, drawing in row] for row in in_rows(drawings, 2)]
    assert rows == [[(0, "a")], [(1, "b")], [(2, "c"), (3, "d")], [(4, "e")]]
    assert in_rows([], 2) == []


def test_the_answer_stands_in_one_order():
    Counted.let_go.set()
    at = settled(page())
    assert not problems(at)
    words = ("Owls lead", "the picture", "How many", "owl has most", "the detail", "toys.")
    stand_in_order(at, *words)
    assert len(at.get("plotly_chart")) == 1
    assert "What am I looking at?" in [expander.label for expander in at.expander]
    assert [popover.proto.popover.label for popover in at.get("popover")] == ["Share"]
    apart = settled(page(apart=True))  # how it was made, apart from the answer
    stand_in_order(apart, "the detail", "the rest of the view", "toys.")
    below = settled(page(controlled=True))  # what follows the picture, below the controls
    words = ("Owls lead", "the picture", "the controls", "owl has most", "the detail", "toys.")
    stand_in_order(below, *words)


def stand_in_order(at, *starts):
    sequence = order(at)
    places = [next(at for at, word in enumerate(sequence) if start in word) for start in starts]
    assert places == sorted(places)


def test_what_waits_for_its_button_says_what_it_would_do():
    at = page(button="Count them", before="Every bird is counted.")
    assert "Every bird is counted." in order(at)
    assert not Counted.running.is_set()
    Counted.let_go.set()
    next(button for button in at.button if button.label.startswith("Count them")).click().run()
    settled(at)
    assert at.header[0].value == "Owls lead with 3."


def test_what_it_rests_on_is_asked_before_it():
    at = page(first=((CountedBefore(), Birds(), "birds.before"),))
    assert Counted.running.wait(10)
    at.run()
    assert [button.key for button in at.button if button.label == "Stop"] == ["birds.before.stop"]
    Counted.let_go.set()
    assert settled(at).header[0].value == "Owls lead with 3."


def test_what_is_there_already_is_drawn_while_the_rest_is_computed():
    at = page()
    assert Counted.running.wait(10)
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


def draw_card(turn, lacking):
    card = Card(
        "How many owls are there?",
        views.STUDY,
        {"owls": Section("start.owls", Counted(), Birds(lacking))},
        sentence=lambda result: f"{result['owls']['table'].cell('owl', 'birds'):.0f} owls.",
        picture=lambda result: st.markdown("the picture"),
        why="Birds, and nothing else.",
    )
    st.session_state["next"] = fill(card, turn=turn)


def page_text(at: AppTest) -> str:
    return " ".join(block.value for block in [*at.markdown, *at.caption])


def test_before_its_turn_nothing_is_asked_and_what_the_case_lacks_gives_the_turn_away():
    at = page_of(draw_card, False, "")
    assert LATER in page_text(at)
    assert not at.get("progress")
    assert at.session_state["next"] is False
    at = page_of(draw_card, True, "there is no such bird.")
    assert "Not available: there is no such bird." in page_text(at)
    assert "Birds, and nothing else." in page_text(at)
    assert at.session_state["next"] is True
    assert [button.label for button in at.button] == ["Open Study"]


def test_a_card_that_is_computed_keeps_the_next_one_waiting_and_then_says_its_answer():
    at = page_of(draw_card, True, "")
    assert at.get("progress")
    assert at.session_state["next"] is False
    assert "owls." not in page_text(at)
    Counted.let_go.set()
    settled(at, lambda at: at.session_state["next"])
    assert "3 owls." in page_text(at)
    assert "the picture" in page_text(at)


def test_a_card_that_cannot_be_made_is_its_reason():
    def make(question, subject):
        raise BadData(f"{subject} has no images: open a zip.")

    card = card_or_reason("How unusual?", views.FAMILIAR, make, "This model")
    assert card.why == "This model has no images: open a zip."
    assert card.question == "How unusual?"
    assert not card.sections


def page_texts(at):
    return [block.value for block in at.markdown]


def draw_folded():
    folded("More", "more", lambda: st.markdown("what was folded"))
    st.markdown("the page")


def test_the_content_is_drawn_when_it_is_unfolded_and_not_before():
    at = page_of(draw_folded)
    assert [box.label for box in at.expander] == ["More"]
    assert page_texts(at) == ["the page"]
    assert page_texts(unfolded(at)) == ["what was folded", "the page"]
    at.session_state["more"] = False
    assert page_texts(at.run()) == ["the page"]
