"""The first screen of Decoding: image and question, the finding, and the answers side by side."""

from __future__ import annotations

import streamlit as st

from components.decoding import answers, leaning
from components.decoding.form import (
    KEY,
    STORY,
    Compared,
    choose_question,
    example,
    pick,
    seeded,
    speak,
    strategy_form,
)
from components.dialog import scene


def show() -> Compared:
    """The finding, what is asked, and a column for each strategy with its answer and settings."""
    image, words = st.columns([4, 5], gap="large")
    with image:
        shown = scene.choose(STORY, KEY)
    with words:
        finding = st.container()
        case = choose_question(shown)
        kinds = pick(case)
        example("Show the example: a lamp that is not there", STORY)
    methods, places = [], []
    for column, kind in zip(st.columns(len(kinds), gap="medium"), kinds, strict=True):
        with column:
            st.markdown(f"#### {kind.title}")
            places.append(st.container())
            methods.append(strategy_form(kind, case))
    with st.popover("Seed"):
        case = seeded(case)
    found = speak(shown, case, methods)
    with finding:
        st.subheader(answers.finding_words(found))
        leaning.show(found)
    answers.show(found, places)
    return found
