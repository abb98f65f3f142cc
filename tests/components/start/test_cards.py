"""A card on its own: its turn, what cannot be asked, and what cannot even be made."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from components import views
from components.start.cards import LATER, card_or_reason
from engine.errors import BadData
from tests.components.test_section import slowly  # noqa: F401  # a fixture: nothing is known before


def page() -> None:
    """What AppTest runs."""
    import streamlit as st

    from components import views
    from components.section import Section
    from components.start.cards import Card, fill
    from tests.components.sections import Birds, Counted

    lacking = st.session_state["lacking"]
    case = Birds("there is no such bird." if lacking else "")
    card = Card(
        "How many owls are there?",
        views.STUDY,
        {"owls": Section("start.owls", Counted(), case)},
        sentence=lambda result: f"{result['owls']['table'].cell('owl', 'birds'):.0f} owls.",
        picture=lambda result: st.markdown("the picture"),
        why="Birds, and nothing else.",
    )
    st.session_state["next"] = fill(card, turn=st.session_state["turn"])


def card_page(*, turn: bool = True, lacking: bool = False) -> AppTest:
    at = AppTest.from_function(page, default_timeout=60)
    at.session_state["turn"], at.session_state["lacking"] = turn, lacking
    at.run()
    assert not at.exception
    return at


def page_text(at: AppTest) -> str:
    return " ".join(block.value for block in [*at.markdown, *at.caption])


def test_before_its_turn_nothing_is_asked():
    at = card_page(turn=False)
    assert LATER in page_text(at)
    assert not at.get("progress")
    assert at.session_state["next"] is False


def test_what_the_case_lacks_is_said_and_the_next_card_has_its_turn():
    at = card_page(lacking=True)
    assert "Not available: there is no such bird." in page_text(at)
    assert "Birds, and nothing else." in page_text(at)
    assert at.session_state["next"] is True
    assert [button.label for button in at.button] == ["Open Study"]


def test_a_card_that_is_computed_keeps_the_next_one_waiting_and_then_says_its_answer():
    from tests.components.sections import Counted

    try:
        at = card_page()
        assert at.get("progress")
        assert at.session_state["next"] is False
        assert "owls." not in page_text(at)
    finally:
        Counted.let_go.set()
    for _ in range(200):
        at.run()
        if at.session_state["next"]:
            break
    Counted.let_go.clear()
    assert "3 owls." in page_text(at)
    assert "the picture" in page_text(at)


def test_a_card_that_cannot_be_made_is_its_reason():
    def make(question, subject):
        raise BadData(f"{subject} has no images: open a zip.")

    card = card_or_reason("How unusual?", views.FAMILIAR, make, "This model")
    assert card.why == "This model has no images: open a zip."
    assert card.question == "How unusual?"
    assert not card.sections
