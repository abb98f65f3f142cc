"""The Forget view: the sentence, the picture, the scoreboard, the form, and closer looks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import streamlit as st

from components import runs
from components.draw.drawing import draw
from components.footer import Entry, footer, take_entries
from components.forget import answers, each_image, form, frontier, heat_maps, inside, klom, ssd
from components.forget.asked import KEY, ForgetQuestion, MethodDetail, Rows
from components.forget.board import board, finding
from components.forget.closed_form import closed_form
from components.forget.extremes import extremes
from components.forget.keep import keep
from components.forget.seconds import seconds
from components.forget.sparser import sparser
from components.forget.verdict import verdict
from components.notices import escape_markdown, show_problems
from components.picks import pick_or_none
from components.section import Section
from components.share import Files
from components.sidebar import subject
from engine.core import run
from engine.core.charts.drawing import Drawing
from engine.core.result import Table
from engine.core.run import Answer
from engine.unlearning import UNLEARNERS, Confidence, StillThere, Timing
from engine.unlearning.protocol.findings import markdown, page_text

Part = tuple[str, Callable[[MethodDetail], Rows]]  # its title, and what it asks and draws
PARTS: Mapping[str, Part] = {
    each_image.PART: ("How sure each model is of a forgotten image", each_image.each_image),
    "Frontier": ("Forgetting against keeping", frontier.frontier),
    "Confusion": ("What the three models take the images for", answers.confusion),
    "Attack": (
        "Can an outsider tell from the model's confidence what it learned from?",
        answers.attack,
    ),
    "Still there": ("What is still there inside it", inside.still_there),
    "Inside": ("Where images lie inside the model", inside.internal_views),
    "Weights": ("Which weights moved", inside.weight_rows),
    "SSD's line": ("Which weights count for the forgotten images out of proportion", ssd.ssd),
    "Relearn": ("How soon it is all back", inside.relearn),
    "Steps": ("Step by step", heat_maps.steps),
    heat_maps.PART: ("Where the three models look", heat_maps.heat_maps),
    "All figures": ("All figures of the three models", answers.all_figures),
    "Sparser originals": ("Does a sparser model forget better?", sparser),
    "Hard and easy": ("Images that are hard and easy to forget", extremes),
    "KLoM": ("How far many models are from models that never saw the images", klom.klom),
    "Datamodel": ("What is predicted of models that never saw them", klom.datamodel),
    "Closed form": ("Where forgetting has a formula", closed_form),
    "Time": ("How long each way takes on this computer", seconds),
    "Take it along": ("The model that forgot", keep),
}


def show() -> None:
    answer, controls, below = st.container(), st.container(), st.container()
    with controls:
        question, detail = form.choose()
    times = times_of(question)
    with answer, show_problems():
        scoreboard(question, detail, times)
    if detail is not None:
        key = f"{KEY}.section"
        if st.session_state.get(key, st.query_params.get(key)) == heat_maps.PART:
            detail = replace(detail, own=subject.image_alone())
        with below:
            look_closer(detail, take_entries(), timed=times is not None)
    show_about(question)


def scoreboard(question: ForgetQuestion, detail: MethodDetail | None, times: Table | None) -> None:
    table = Drawing(
        "table",
        "Beside a model that never saw them",
        lambda result: board(result["table"], times),
        lambda result: finding(result["table"], times),
    )
    Section(
        KEY,
        question.method,
        question.case,
        button="Forget",
        evidence=[table],
        sentence=None if detail is None else lambda _: sentence(detail),
        picture=None if detail is None else lambda _: picture(detail),
        before="Each way is run on a copy of the model, and so is a whole training without these "
        "images, to compare with. Rows appear as they are done; it can be stopped at any time.",
        files=lambda _: files(detail),
    ).show()


def times_of(question: ForgetQuestion) -> Table | None:
    result = run.kept_answer(Timing(), question.case)
    return None if result is None else result["times"]


def sentence(detail: MethodDetail) -> str:
    words = verdict(detail.table, detail.method.label, detail.case.case.request.words)
    traces = run.kept_answer(StillThere(), detail.case)
    return f"{words} Traces remain inside." if traces and inside.stayed(traces) else words


def picture(detail: MethodDetail) -> None:
    left, right = st.columns([3, 2], gap="large")
    with left:
        images = runs.ask(Confidence(), detail.case, f"{KEY}.Confidence")
        if isinstance(images, Answer):
            draw(each_image.SHIFT, images, f"{KEY}.shift")
        else:
            runs.watch([images])
    with right:
        if result := run.kept_answer(StillThere(), detail.case):
            draw(inside.PROBE, result, f"{KEY}.probe")
        else:
            st.markdown(
                "What is still there inside it was not looked at yet: see “Still there” below."
            )


def files(detail: MethodDetail | None) -> Files:
    result = None if detail is None else run.kept_answer(Confidence(), detail.case)
    return {} if result is None else {"images.csv": result["images"].csv}


@st.fragment
def look_closer(detail: MethodDetail, above: Sequence[Entry], *, timed: bool) -> None:
    """One part in sight once it is pressed; nothing of the others is computed."""
    part = pick_or_none("Closer look", list(PARTS), f"{KEY}.section")
    if part == heat_maps.PART and detail.own is None:
        st.rerun()  # the sidebar has no image yet
    with footer(above):
        if part is not None:
            with show_problems():
                draw_part(detail, *PARTS[part])
    if not timed and times_of(detail.question) is not None:
        st.rerun()  # they were done since the table was drawn


def draw_part(detail: MethodDetail, title: str, build: Callable[[MethodDetail], Rows]) -> None:
    st.markdown(f"**{title}**")
    answer, controls = st.container(), st.container()
    with controls:
        rows = build(detail)
    with answer:
        for row in rows:
            for place, row_section in zip(st.columns(len(row), gap="large"), row, strict=True):
                with place:
                    row_section.show()


def show_about(question: ForgetQuestion) -> None:
    with st.expander("About the ways"):
        for method in question.case.methods:
            st.markdown(f"**{escape_markdown(method.title)}.** {method.about()}")
            if method.paper:
                st.markdown(f"Reference: {method.paper}")
        if section_text := markdown(UNLEARNERS, page_text()):
            st.markdown("**What the ways came to on networks that ship**")
            st.markdown(section_text)
    card = question.case.case.data.card
    st.caption(escape_markdown(f"Measured with: {card.title}. {card.about}"))
