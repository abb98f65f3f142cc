"""What Minimal regions asks: how the regions are searched, and for which class."""

from dataclasses import dataclass, replace

import streamlit as st

from components.case_form import CaseForm
from components.forms import method_form, refuse_links
from components.notices import escape_markdown
from components.own_words import may_link
from components.picks import switch
from components.sidebar.subject import Subject, cost_words
from engine.attribution.lima import LiMA, OtherMaps, RandomOrder
from engine.vision.case import ImageCase
from engine.vision.case.target import Target

KEY = "minimal"
ABOUT = (
    "Regions are shown one by one, on black, in the order in which they make the class most "
    "probable. The first few that are enough are a reason, not the only one."
)
SMALL = 64  # px; up to here the search takes seconds and runs by itself


@dataclass(frozen=True)
class RegionSearch:
    """The search and its case; whether it is to explain an error."""

    method: LiMA
    case: ImageCase
    about: Subject
    error: bool

    @property
    def band(self) -> RandomOrder:
        """The same regions in random order."""
        return RandomOrder(self.method.shape, self.method.regions, self.method.cover)

    @property
    def others(self) -> OtherMaps:
        """Other methods' maps on the same regions."""
        return OtherMaps(self.method.shape, self.method.regions, self.method.cover)

    @property
    def small(self) -> bool:
        """Whether it is answered without being told to."""
        return self.case.image.shape[-1] <= SMALL

    @property
    def question(self) -> str:
        """What is asked, in words."""
        label = self.case.model.labels[self.case.target.index]
        if self.error:
            return f"Which regions speak for “{label}”, the true class?"
        return f"Which regions are enough for “{label}”?"


def choose(chosen_subject: Subject) -> RegionSearch | None:
    """Settings, and whose probability is looked at; None where that has yet to be said."""
    refuse_links(LiMA, KEY, chosen_subject.case)
    st.caption(ABOUT)
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left, st.popover("How the search goes", width="stretch"):
        method = method_form(LiMA, KEY, chosen_subject.case)
        st.caption(cost_words(method, chosen_subject))
    with right:
        error = switch(
            "Explain the error",
            f"{KEY}.error",
            help="Search for the true class instead of the one asked about. For an image that the "
            "model gets wrong: which part speaks for the truth, and which regions mislead.",
        )
    index = true_class(chosen_subject) if error else chosen_subject.case.target.index
    if index is None:
        st.info("Choose the true class, and the search is for what speaks for it.")
        return None
    case = replace(chosen_subject.case.at("exact"), target=Target(index))
    return RegionSearch(method, case, chosen_subject, error)


def true_class(chosen_subject: Subject) -> int | None:
    model, labels = chosen_subject.case.model, chosen_subject.case.model.labels
    example = chosen_subject.chosen.example
    if example and example.label in labels:
        st.caption(f"The data set says: {escape_markdown(example.label)}.")
        return labels.index(example.label)
    form = CaseForm(ImageCase, KEY, {"model": model})
    label = form.ask(
        "target",
        "search",
        label="True class",
        placeholder="what it really is",
        linked=may_link(model),
    )
    return labels.index(label) if label else None
