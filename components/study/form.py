"""What the Study view asks: images of known truth, methods, how many images, and which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from components import forms
from components.case_form import CaseForm
from components.ending import end
from components.notices import plain, spoken
from engine.arguments.normal import StudyArguments
from engine.attribution.study import Study, StudyCase

KEY = "study"
ABOUT: Mapping[str, str] = {
    "scenes": "Drawn scenes with two to six things; a network says of each of sixteen things "
    "whether it is there, and a map is made for each that it finds.",
    "phantoms": "Slices with one synthetic lesion, not clinical data; the map is of the kind of "
    "lesion, and beside it one of the kind that the network finds second best.",
    "scenes-missed": "Scenes with things that the network misses: do their maps point at them all "
    "the same?",
    "scenes-made-up": "Scenes of which the network names things that are not there: does the map "
    "blame a thing that is there? The mask is that of all things.",
    "phantoms-missed": "Slices with a lesion that the network takes for another kind or for none; "
    "the map is of the lesion's own kind, and beside it one of what the network says.",
}


@dataclass(frozen=True)
class StudyQuestion:
    """A study that the page asks for."""

    case: StudyCase
    method: Study

    @property
    def maps(self) -> int:
        """How many maps are made for it."""
        extra = sum(one.rival is not None for one in self.case.images)
        each = self.case.pairs * (1 + self.method.draws) + extra
        return each * len(self.case.methods)


def choose() -> StudyQuestion:
    """The form; the page ends here, with the reason said, where nothing can be asked."""
    form = CaseForm(StudyArguments, KEY)
    found: StudyQuestion | None = None
    with spoken():
        left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
        with left:
            form.ask("source", "pills")
        with middle:
            form.ask("count")
        with right:
            form.ask("seed")
        form.ask("methods")
        forms.refuse_links(Study, f"{KEY}.Study")
        with st.popover("Settings"):
            method = Study(**forms.settings(Study, f"{KEY}.Study"))
        with st.spinner("Looking for images"):
            found = StudyQuestion(case_of(StudyArguments(**form.given)), method)
        st.caption(plain(told(found.case)))
    return found or end()


def told(case: StudyCase) -> str:
    """What the images are, and how many maps."""
    images = f"{ABOUT[case.source]} {len(case.images)} images, {case.pairs} labels"
    return f"{images}, model: {case.model.title}."


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs={StudyArguments: repr})
def case_of(arguments: StudyArguments) -> StudyCase:
    """The case, made once."""
    return arguments.case()
