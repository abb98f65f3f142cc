"""The parts of the Tickets view: the tape, what it rests on, and the ticket to take along."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components import section
from components.claims import list_claims
from components.draw.checkpoint import draw_checkpoint
from components.footer import footer
from components.notices import escape_markdown, show_problems
from components.section import Section
from components.sidebar.subject import ChosenImage
from components.tickets import evidence, tape
from components.tickets.form import KEY, TicketQuestion
from components.views import HEATMAPS
from engine.core import run
from engine.core.charts.drawing import Views
from engine.sparsity.lth.lottery import said_of, seeds_of

BEFORE = (
    "For each seed a network is trained, cut and put back to where it began, level after level, "
    "beside the same mask with a new start and a random mask. It can be stopped and resumed."
)


@st.fragment
@footer()
def show(question: TicketQuestion, own: ChosenImage | None) -> None:
    answer = st.container()
    slider, button = st.columns([4, 1], vertical_alignment="bottom")
    image, rest = st.container(), st.container()
    stored_answer = run.kept_answer(question.method, question.case)
    level = 0
    if stored_answer:
        with slider, show_problems():
            level = tape.choose_level(stored_answer)
    with answer:
        result = tape_section(question, level, rest).show()
    if result:
        with image, show_problems():
            drawn = tape.ask_image(question.case, own, result, level)
        with button:
            tape.play_levels(result, level, drawn=drawn)


def tape_section(question: TicketQuestion, level: int, rest: DeltaGenerator) -> Section:
    return Section(
        KEY,
        question.method,
        question.case,
        known=question.known,
        below=rest,
        sentence=lambda result: said_of(result["levels"], level, seeds_of(result["runs"])),
        picture=lambda result: tape.picture(result, level),
        evidence=evidence.drawings(level),
        detail=lambda result: detail(result, level),
        growing=growing,
        button="Find the tickets",
        before=BEFORE,
    )


def growing(partial: Views) -> None:
    levels = partial["levels"]
    st.caption(escape_markdown(said_of(levels, len(levels) - 1, seeds_of(partial["runs"]))))
    section.side_by_side([tape.curve(levels, len(levels) - 1)], partial, KEY, 1, ".growing")


def detail(result: Views, level: int) -> None:
    if len(result["claims"]):
        st.markdown("**What the paper claims**")
        list_claims(result["claims"])
    with show_problems():
        draw_checkpoint(result["networks"][level], f"{KEY}.{level}", (HEATMAPS,))
