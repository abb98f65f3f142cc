"""Which experiment: a card for each, with its picture and what it found."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.draw.pictures import draw_pictures
from components.notices import plain
from components.picks import pick
from components.widgets.pictures import show_picture
from engine import data as data_sets
from engine import run
from engine.experiment import Experiment, ExperimentCase
from engine.keeping.memory import Memory
from engine.pictures import labeled
from engine.result import Pictures, View

COLUMNS = 3  # cards side by side
PICTURES: Memory[View] = Memory(64)  # by question: a page is drawn again at each click


def choose(kinds: Sequence[type[Experiment]], key: str) -> type[Experiment]:
    """The experiment that is shown; where there is only one, it needs no picker."""
    if len(kinds) == 1:
        return kinds[0]
    by_name = {kind.name: kind for kind in kinds}
    chosen = pick("Experiment", list(by_name), f"{key}.chosen", "pills")
    with st.expander("All experiments", expanded=f"{key}.chosen" not in st.query_params):
        for start in range(0, len(kinds), COLUMNS):
            for place, kind in zip(st.columns(COLUMNS), kinds[start:][:COLUMNS], strict=False):
                with place.container(border=True):
                    card(kind, key)
    return by_name[chosen]


def card(kind: type[Experiment], key: str) -> None:
    """An experiment with its usual settings: its picture, and its finding if it was run."""
    method, case = kind(), ExperimentCase(data_sets.load(kind.data[0]))
    known = run.known(method, case)
    picture = known["picture"] if known else picture_of(method, case)
    if isinstance(picture, Pictures):
        show_picture(labeled(picture), picture.finding, width="stretch")
    words = method.finding(case, known) if known else "Not run here yet."
    st.markdown(f"**{plain(kind.title)}**  \n{plain(words)}")
    st.button(
        "Open", key=f"{key}.open.{kind.name}",
        on_click=st.session_state.__setitem__, args=(f"{key}.chosen", kind.name),
    )  # fmt: skip


def picture_of(method: Experiment, case: ExperimentCase) -> View:
    """The picture, made once for the same settings and case."""
    return PICTURES.made(run.digest(method, case), lambda: method.picture(case))


def draw(picture: View, key: str) -> None:
    """The one picture of an experiment, drawn by its kind."""
    if isinstance(picture, Pictures):
        draw_pictures(picture, key)
