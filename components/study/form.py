"""What the Study view asks: images of known truth, methods, how many images, and which."""

from typing import Any

import streamlit as st

from components import forms
from components.case_form import CaseForm
from components.ending import end
from components.notices import escape_markdown, show_problems
from engine.attribution.study import Study, StudyCase
from engine.attribution.study.images import ABOUT
from engine.core.question import Question

KEY = "study"


StudyQuestion = Question[Study, StudyCase]


def map_count(question: StudyQuestion) -> int:
    case = question.case
    extra = sum(image.rival is not None for image in case.images)
    return (case.pairs * (1 + question.method.draws) + extra) * len(case.methods)


def choose() -> StudyQuestion:
    form = CaseForm(StudyCase, KEY)
    question: StudyQuestion | None = None
    with show_problems():
        with st.sidebar:
            st.header("Images and their model")
            for name in ("source", "count", "seed"):
                form.ask(name, "pills")
            about = st.container()
        form.ask("methods")
        forms.refuse_links(Study, f"{KEY}.Study")
        with st.popover("Settings"):
            method = Study(**forms.settings(Study, f"{KEY}.Study"))
        with about, st.spinner("Looking for images"):
            question = Question(method, case_of(**form.given))
        about.caption(escape_markdown(study_size(question.case)))
    return question or end()


def study_size(case: StudyCase) -> str:
    images = f"{ABOUT[case.source]} {len(case.images)} images, {case.pairs} labels"
    return f"{images}, model: {case.model.title}."


@st.cache_resource(max_entries=8, show_spinner=False)
def case_of(**arguments: Any) -> StudyCase:
    return StudyCase.from_arguments(**arguments)
