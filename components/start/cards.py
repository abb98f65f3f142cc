"""A card: a question in plain words, one picture, one sentence, and the way to its view."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from components import runs, section, together
from components.notices import escape_markdown, show_problems
from components.runs import Outcome, Pending
from components.section import Section
from components.sidebar.held import go
from components.sidebar.subject import Subject
from components.taking import link_of
from components.together import Answers, Outcomes
from components.views import AppPage
from engine.core import run
from engine.core.errors import BlindspotError

KEY = "start"
LATER = "Computed after the answers before it."
FIRST = {"target": None, "versus": None, "reading": "logit", "seed": 0}  # what a card asks


@dataclass(frozen=True)
class Card:
    """One question about the image.

    Args:
        question: in plain words.
        view: that answers it at length.
        sections: what is asked, by name; nothing where it cannot be asked.
        sentence: the answer, as the view itself says it.
        picture: draws what carries it.
        enough: how many of the sections, the first ones, these two need; all if not given.
        below: a line below the sentence, of whatever there is of the rest.
        why: it cannot be asked about this image, and why, or what is asked instead.
        settings: of the session, with which its view opens.
        pressed: slots of the view whose button counts as pressed.
    """

    question: str
    view: AppPage
    sections: Mapping[str, Section] = field(default_factory=dict)
    sentence: Callable[[Answers], str] = lambda _: ""
    picture: Callable[[Answers], None] = lambda _: None
    enough: int = 0
    below: Callable[[Outcomes], str] | None = None
    why: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    pressed: Sequence[str] = ()

    @property
    def unmet(self) -> str:
        """Why it cannot be asked about this image and model, or ""."""
        return next(
            (
                why
                for card_section in self.sections.values()
                if (why := card_section.method.unmet(card_section.case))
            ),
            "",
        )

    @property
    def known(self) -> bool:
        """Whether all of it was answered before."""
        return all(
            run.kept_answer(card_section.method, card_section.case)
            for card_section in self.sections.values()
        )


def card_or_reason(
    question: str, view: AppPage, make: Callable[[str, Subject], Card], subject: Subject
) -> Card:
    """The card, or one that says why it cannot be made."""
    try:
        return make(question, subject)
    except BlindspotError as error:
        return Card(question, view, why=str(error))


def fill(card: Card, *, turn: bool) -> bool:
    """Draw a card as far as it is answered.

    Args:
        card: what it asks.
        turn: whether it may ask for what is not known yet.

    Returns:
        Whether the next card may.
    """
    key = f"{KEY}.{card.view.address}"
    outcomes: Outcomes = {}
    with st.container(border=True, height="stretch", key=f"{KEY}-card-{card.view.address}"):
        st.markdown(f"**{escape_markdown(card.question)}**")
        if card.why:
            st.caption(escape_markdown(card.why))
        if reason := card.unmet:
            st.caption(escape_markdown(f"Not available: {reason}"))
        elif turn or card.known:
            with show_problems():
                outcomes = together.ask_all(card.sections)
                show_answer(card, outcomes)
        else:
            st.caption(LATER)
        runs.watch(list(outcomes.values()))
        if st.button(
            f"Open {card.view.title}",
            icon=card.view.icon,
            type="tertiary",
            key=key,
            on_click=prepare,
            args=(card,),
        ):
            go(card.view, link_of(st.session_state.get("model", "")))
    return turn and not any(isinstance(outcome, Pending) for outcome in outcomes.values())


def show_answer(card: Card, outcomes: Mapping[str, Outcome]) -> None:
    for card_section in card.sections.values():
        section.show_footer(card_section)
    answers = together.answers_of(outcomes)
    needed = list(card.sections)[: card.enough or None]
    if not needed or not all(name in answers for name in needed):
        return
    card.picture(answers)
    st.markdown(escape_markdown(card.sentence(answers)))
    if card.below and (line := card.below(outcomes)):
        st.caption(line)


def prepare(card: Card) -> None:
    state = st.session_state
    state.update({key: value for key, value in FIRST.items() if key in state} | dict(card.settings))
    for slot in card.pressed:
        runs.press(slot)
