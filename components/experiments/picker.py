"""Which experiment: its title in the sidebar, and a card for each, folded away."""

from collections.abc import Sequence

import streamlit as st

from components.draw.pictures import draw_pictures
from components.folded import folded
from components.notices import escape_markdown
from components.picks import pick
from components.widgets.pictures import show_picture
from engine.core import run
from engine.core.keeping.memory import Memory
from engine.core.pictures import labeled_grid
from engine.core.result import Pictures, View
from engine.evaluation.experiment import Experiment, ExperimentCase
from engine.vision import data as data_sets

COLUMNS = 3  # cards side by side
PICTURES: Memory[View] = Memory(64)  # by question: a page is drawn again at each click


def choose(kinds: Sequence[type[Experiment]], key: str) -> type[Experiment]:
    """The experiment that is shown; where there is only one, it needs no picker."""
    if len(kinds) == 1:
        return kinds[0]
    by_title = {kind.title: kind for kind in kinds}
    with st.sidebar:
        chosen = pick("Experiment", list(by_title), f"{key}.chosen", "radio")
    return by_title[chosen]


def offer_all(kinds: Sequence[type[Experiment]], key: str) -> None:
    """The cards of all experiments, built when they are unfolded; none where there is only one."""
    if len(kinds) > 1:
        folded("All experiments", f"{key}.all", lambda: cards(kinds, key))


def cards(kinds: Sequence[type[Experiment]], key: str) -> None:
    for start in range(0, len(kinds), COLUMNS):
        for place, kind in zip(st.columns(COLUMNS), kinds[start:][:COLUMNS], strict=False):
            with place.container(border=True):
                experiment_card(kind, key)


def experiment_card(kind: type[Experiment], key: str) -> None:
    method, case = kind(), ExperimentCase(data_sets.load(kind.data[0]))
    stored_answer = run.kept_answer(method, case)
    picture = stored_answer["picture"] if stored_answer else picture_of(method, case)
    if isinstance(picture, Pictures):
        show_picture(labeled_grid(picture), picture.finding, width="stretch")
    words = method.finding(case, stored_answer) if stored_answer else "Not run here yet."
    st.markdown(f"**{escape_markdown(kind.title)}**  \n{escape_markdown(words)}")
    if st.button(
        "Open",
        key=f"{key}.open.{kind.name}",
        on_click=st.session_state.__setitem__,
        args=(f"{key}.chosen", kind.title),
    ):
        st.rerun()  # the whole page: the cards are a fragment


def picture_of(method: Experiment, case: ExperimentCase) -> View:
    return PICTURES.made(run.digest(method, case), lambda: method.picture(case))


def draw(picture: View, key: str) -> None:
    if isinstance(picture, Pictures):
        draw_pictures(picture, key)
