"""What the Study view asks: images of known truth, methods, how many images, and which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from components import forms
from components.ending import end
from components.links import refuse
from components.notices import plain, spoken
from components.picks import pick
from components.sidebar.targets import MOST_SEED, is_seed
from engine.attribution.study import TITLES, Study, StudyCase, chosen, study_case, ten
from engine.attribution.study.images import DEFAULT, MOST

KEY = "study"
SOURCES: Mapping[str, str] = {
    "Scenes": "scenes", "Brain phantoms": "phantoms", "Things missed": "scenes-missed",
    "Things made up": "scenes-made-up", "Lesions missed": "phantoms-missed",
}  # fmt: skip
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
NAMES = {title: name for name, title in TITLES.items()}


@dataclass(frozen=True)
class StudyQuestion:
    """A study that the page asks for."""

    case: StudyCase
    method: Study
    source: str

    @property
    def maps(self) -> int:
        """How many maps are made for it."""
        extra = sum(one.rival is not None for one in self.case.images)
        each = self.case.pairs * (1 + self.method.draws) + extra
        return each * len(self.case.methods)


def choose() -> StudyQuestion:
    """The form; the page ends here, with the reason said, where nothing can be asked."""
    found: StudyQuestion | None = None
    with spoken():
        left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
        with left:
            source = choose_source()
        with middle:
            count = choose_count()
        with right:
            seed = choose_seed()
        names = choose_methods()
        method = choose_settings()
        with st.spinner("Looking for images"):
            found = StudyQuestion(case_of(source, count, seed, tuple(names)), method, source)
        st.caption(plain(told(found)))
    if found is None:
        end()
    return found


def told(asked: StudyQuestion) -> str:
    """What the images are, and how many maps."""
    images, case = ABOUT[asked.source], asked.case
    return (
        f"{images} {len(case.images)} images, {case.pairs} labels, model: {case.model.title}. "
        "Image and model of the sidebar play no part here."
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def case_of(source: str, count: int, seed: int, names: tuple[str, ...]) -> StudyCase:
    """The case, made once."""
    side = study_case(source, count, seed).model.side
    return study_case(source, count, seed, chosen(ten(side), names))


def choose_source() -> str:
    """Scenes or phantoms."""
    label = "Images of known truth"
    return SOURCES[pick(label, list(SOURCES), f"{KEY}.data", "pills", name="Images")]


def choose_count() -> int:
    """How many images."""
    key = f"{KEY}.images"
    return int(
        st.slider(
            "Images", 2, MOST, DEFAULT, key=key, bind="query-params",
            help="Test images, of which the network has learned none. More make the figures "
            "steadier and the study longer.",
        )
    )  # fmt: skip


def choose_seed() -> int:
    """Which images are drawn."""
    key = f"{KEY}.seed"
    refuse(key, is_seed, "Seed", f"a whole number from 0 to {MOST_SEED}")
    return int(
        st.number_input(
            "Seed", 0, MOST_SEED, 0, key=key, bind="query-params",
            help="Another seed takes other images and shows how much of a figure is chance.",
        )
    )  # fmt: skip


def choose_methods() -> list[str]:
    """The names of the methods."""
    key = f"{KEY}.methods"
    refuse(key, NAMES, "Methods", "some of " + ", ".join(NAMES))
    picked = st.pills(
        "Methods", list(NAMES), selection_mode="multi", default=list(NAMES), key=key,
        bind="query-params",
    )  # fmt: skip
    return [NAMES[title] for title in picked]


def choose_settings() -> Study:
    """How thoroughly it is measured."""
    forms.refuse_links(Study, f"{KEY}.Study")
    with st.popover("Settings"):
        return Study(**forms.settings(Study, f"{KEY}.Study"))
