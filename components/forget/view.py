"""The parts of the Forget view: one plain sentence, the scoreboard, and where to look closer."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from components.forget import (
    all_figures,
    attack,
    board,
    confusion,
    each_image,
    frontier,
    heat_maps,
    inside,
    keep,
    remains,
    seconds,
    ssd,
)
from components.forget.asked import KEY, Asked, Closer
from components.forget.verdict import best, sentence, still_there
from components.forget.words import WORDS, named
from components.links import let_go, refuse
from components.notices import plain, spoken
from components.sidebar.subject import Subject
from engine.result import Columns
from engine.unlearning import UNLEARNERS, Scoreboard, Unlearner
from engine.unlearning.findings import markdown, page_text

Place = st.delta_generator.DeltaGenerator
Show = Callable[[Closer, Subject | None, Columns], None]
SECTIONS: dict[str, Show] = {
    "Each image": each_image.show,
    "Frontier": frontier.show,
    "Confusion": confusion.show,
    "Attack": attack.show,
    "Still there": remains.show,
    "Inside": inside.show,
    "Weights": inside.weights,
    "SSD's line": ssd.show,
    "Relearn": remains.relearn,
    "Steps": heat_maps.steps,
    "Heat maps": heat_maps.show,
    "All figures": all_figures.show,
    "Time": seconds.show,
    "Take it along": keep.show,
}


def show(asked: Asked, subject: Subject | None) -> None:
    """Sentence, table, and a closer look at one way."""
    places = st.empty(), st.empty()
    table: Columns | None = None
    with spoken():
        table = board.ask(asked)
    if table is not None:
        st.markdown("**Beside a model that never saw them**")
        timed = board.timed(asked)
        board.show(table, timed)
        closer(asked, table, subject, places)
        if timed is None and board.timed(asked) is not None:
            st.rerun()  # they were done while the page was drawn
    explain(asked)


@st.fragment
def closer(
    asked: Asked, table: Columns, subject: Subject | None, places: tuple[Place, Place]
) -> None:
    """One way in sight; choosing reruns only this."""
    method = choose_method(asked, table)
    if method is None:
        return
    look = Closer(asked, method)
    places[0].subheader(plain(sentence(look, table)))
    places[1].markdown(plain(still_there(look)))
    section = choose_section()
    with spoken():
        SECTIONS[section](look, subject, table)


def choose_method(asked: Asked, table: Columns) -> Unlearner | None:
    """The way that is looked at, at first the one that came nearest."""
    offered = {named(one.label): one for one in asked.methods if one.label not in WORDS}
    if not offered:
        st.info("Choose at least one way to forget, to see what it does.")
        return None
    key = f"{KEY}.closer"
    refuse(key, offered, "Look closer at", "one of " + ", ".join(offered))
    nearest = named(best(table))
    first = list(offered).index(nearest) if nearest in offered else 0
    let_go(key, offered, list(offered)[first])
    picked = st.selectbox("Look closer at", list(offered), first, key=key, bind="query-params")
    return offered[picked]


def choose_section() -> str:
    """Where to look closer; nothing of the others is computed."""
    key = f"{KEY}.section"
    refuse(key, SECTIONS, "Part", "one of " + ", ".join(SECTIONS))
    return str(
        st.segmented_control(
            "Part", list(SECTIONS), default=next(iter(SECTIONS)), required=True, key=key,
            bind="query-params", label_visibility="collapsed",
        )
    )  # fmt: skip


def explain(asked: Asked) -> None:
    """What am I looking at, and what it rests on."""
    with st.expander("What am I looking at?"):
        st.markdown(Scoreboard.about())
        st.markdown(f"Reference: {Scoreboard.paper}")
        for method in asked.methods:
            st.markdown(f"**{plain(method.title)}.** {method.about()}")
            if method.paper:
                st.markdown(f"Reference: {method.paper}")
        if seen := markdown(UNLEARNERS, page_text()):
            st.markdown("**What the ways came to on networks that ship**")
            st.markdown(seen)
    card = asked.data.card
    st.caption(plain(f"Measured with: {card.title}. {card.about}"))
