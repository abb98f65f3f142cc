"""The Forget view: the sentence, the picture, the scoreboard, the form, and closer looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from components import section
from components.draw.drawing import Drawing, draw
from components.footer import footer
from components.forget import (
    answers,
    each_image,
    form,
    frontier,
    heat_maps,
    inside,
    keep,
    remains,
    seconds,
    ssd,
)
from components.forget.asked import KEY, Asked, Closer
from components.forget.board import board, finding
from components.forget.verdict import Verdict
from components.notices import plain, spoken
from components.picks import pick_or_none
from components.section import Section
from components.share import Files, as_csv
from engine import run
from engine.result import Columns
from engine.unlearning import UNLEARNERS, Confidence, StillThere, Timing
from engine.unlearning.protocol.findings import markdown, page_text

PARTS: Mapping[str, Callable[[Closer], None]] = {
    each_image.PART: each_image.show,
    "Frontier": frontier.show,
    "Confusion": answers.confusion,
    "Attack": answers.attack,
    "Still there": remains.show,
    "Inside": inside.show,
    "Weights": inside.weights,
    "SSD's line": ssd.show,
    "Relearn": remains.relearn,
    "Steps": heat_maps.steps,
    "Heat maps": heat_maps.show,
    "All figures": answers.all_figures,
    "Time": seconds.show,
    "Take it along": keep.show,
}


def show() -> None:
    """The answer stands above the form that it depends on, and closer looks below both."""
    answer, controls, looks = st.container(), st.container(), st.container()
    with controls:
        asked, closer = form.choose()
    times = times_of(asked)
    with answer, spoken():
        scoreboard(asked, closer, times)
    if closer is not None:
        with looks:
            look_closer(closer, timed=times is not None)
    about(asked)


def scoreboard(asked: Asked, closer: Closer | None, times: Columns | None) -> None:
    """Sentence, picture and table; the form's question waits for its button."""
    section.show(
        Section(
            KEY, asked.scoreboard, asked.board, columns=1, button="Forget",
            sentence=None if closer is None else lambda _: sentence(closer, times),
            picture=None if closer is None else lambda _: picture(closer),
            evidence=[
                Drawing(
                    "table", "Beside a model that never saw them",
                    lambda found: board(found["table"], times),
                    lambda found: finding(found["table"], times),
                )
            ],
            before="Each way is run on a copy of the model, and so is a whole training without "
            "these images, to compare with. Rows appear as they are done; it can be stopped at any "
            "time.",
            files=lambda _: files(closer),
        )
    )  # fmt: skip


def times_of(asked: Asked) -> Columns | None:
    """The fair seconds of every way, where they were asked for under "Time"."""
    found = run.known(Timing(), asked.board)
    return None if found is None else found["times"]


def sentence(closer: Closer, times: Columns | None) -> str:
    """How the way did, and whether something stayed inside where that is known."""
    verdict = Verdict.of(closer.table, closer.method.label, times)
    words, inside = (
        verdict.words(closer.asked.case.request.words),
        run.known(StillThere(), closer.case),
    )
    return f"{words} {remains.stayed(inside['figures'])}".strip() if inside else words


def picture(closer: Closer) -> None:
    """How sure the models are of the forgotten images, beside what is still there inside."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        each_image.shift(closer)
    with right:
        if found := run.known(StillThere(), closer.case):
            draw(remains.PROBE, found, f"{KEY}.probe")
        else:
            st.markdown(
                "What is still there inside it was not looked at yet: see “Still there” below."
            )


def files(closer: Closer | None) -> Files:
    """The numbers of the picture."""
    found = None if closer is None else run.known(Confidence(), closer.case)
    return {} if found is None else {"images.csv": lambda: as_csv(found["images"])}


@st.fragment
@footer()
def look_closer(closer: Closer, *, timed: bool) -> None:
    """One part in sight once it is pressed; nothing of the others is computed.

    Args:
        closer: the way that is looked at.
        timed: whether the table above has the seconds that are measured under "Time".
    """
    part = pick_or_none("Closer look", list(PARTS), f"{KEY}.section")
    if part is not None:
        with spoken():
            PARTS[part](closer)
    if not timed and times_of(closer.asked) is not None:
        st.rerun()  # they were done since the table was drawn


def about(asked: Asked) -> None:
    """What each way does, and what it rests on."""
    with st.expander("About the ways"):
        for method in asked.methods:
            st.markdown(f"**{plain(method.title)}.** {method.about()}")
            if method.paper:
                st.markdown(f"Reference: {method.paper}")
        if seen := markdown(UNLEARNERS, page_text()):
            st.markdown("**What the ways came to on networks that ship**")
            st.markdown(seen)
    card = asked.data.card
    st.caption(plain(f"Measured with: {card.title}. {card.about}"))
