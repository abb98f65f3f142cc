"""What the Study view asks: images of known truth, methods, how many images, and which."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from components import forms
from components.case_form import CaseForm
from components.ending import end
from components.notices import escape_markdown, show_problems
from engine.attribution.study import Study, StudyCase
from engine.attribution.study.images import ABOUT
from engine.commands.arguments.normal import StudyArguments

KEY = "study"


@dataclass(frozen=True)
class StudyQuestion:
    """A study that the page asks for."""

    case: StudyCase
    method: Study

    @property
    def maps(self) -> int:
        """How many maps are made for it."""
        extra = sum(image.rival is not None for image in self.case.images)
        per_method = self.case.pairs * (1 + self.method.draws) + extra
        return per_method * len(self.case.methods)


def choose() -> StudyQuestion:
    """Images in the sidebar, methods on the page, which ends here where nothing can be asked."""
    form = CaseForm(StudyArguments, KEY)
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
            question = StudyQuestion(case_of(StudyArguments(**form.given)), method)
        about.caption(escape_markdown(study_size(question.case)))
    return question or end()


def study_size(case: StudyCase) -> str:
    """What the images are, and how many maps."""
    images = f"{ABOUT[case.source]} {len(case.images)} images, {case.pairs} labels"
    return f"{images}, model: {case.model.title}."


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs={StudyArguments: repr})
def case_of(arguments: StudyArguments) -> StudyCase:
    """The case, made once."""
    return arguments.case()
