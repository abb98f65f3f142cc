"""What Tilted boundary asks: two classes, a linear classifier, λ, and an image."""

from dataclasses import dataclass

import streamlit as st

from components import forms
from components.asked_image import PICTURES, pick_place
from components.case_form import CaseForm
from components.ending import end
from components.notices import show_problems
from components.picks import pick
from engine.attribution.tilt import TiltedBoundary
from engine.attribution.tilt.boundary import STRENGTHS
from engine.attribution.tilt.linear import LEARNERS
from engine.core.question import Question
from engine.evaluation.experiment import ExperimentCase

KEY = "tilt"
SLOT = f"{KEY}.TiltedBoundary"
DATA = ("mnist-5k", "digits")
IMAGE = f"{KEY}.image"
FIRST = "0.1"  # λ at which the view opens: right, and easily fooled


@dataclass(frozen=True, kw_only=True)
class MirroredImage(Question[TiltedBoundary, ExperimentCase]):
    """The question, and what is drawn of its answer.

    Args:
        learner: the place of the classifier in LEARNERS.
        place: of λ in STRENGTHS.
        row: of the image in the data.
    """

    learner: int
    place: int
    row: int

    @property
    def names(self) -> tuple[str, str]:
        first, second = self.method.first, self.method.second
        return self.case.data.classes[first], self.case.data.classes[second]

    @property
    def at(self) -> int:
        """The row of the classifier in the answer."""
        return self.learner * len(STRENGTHS) + self.place


def choose() -> MirroredImage:
    question, form = None, CaseForm(ExperimentCase, KEY, {"names": DATA})
    strengths = [f"{strength:g}" for strength in STRENGTHS]
    place = strengths.index(
        pick(
            "Regularization λ: to the left it follows every detail of the training images",
            strengths,
            f"{KEY}.lambda",
            "slider",
            first=FIRST,
            name="λ",
            rule="one of " + ", ".join(strengths),
        )
    )
    left, *middle, right = st.columns([4, 1.5, 1.5, 1.5], gap="medium", vertical_alignment="bottom")
    with left:
        learner = LEARNERS.index(pick("Classifier", LEARNERS, f"{KEY}.learner", "pills"))
    forms.refuse_links(TiltedBoundary, SLOT)
    with right, st.popover("Settings"):
        form.ask("data", "radio", first=DATA[0])
        form.ask("seed")
        settings = forms.settings(TiltedBoundary, SLOT, ("share",))
    with show_problems():
        case = ExperimentCase.from_arguments(**form.given)
        classes = list(case.data.classes)
        for title, name, start, column in zip(
            ("One class", "Other class"), ("first", "second"), ("2", "3"), middle, strict=True
        ):
            with column:
                label = pick(title, classes, f"{KEY}.{name}", first=start)
            settings[name] = classes.index(label)
        method = TiltedBoundary(**settings)
        rows = method.pair(case).typical[:PICTURES]
        with st.expander("Another image"):
            title = "Held-out images, typical ones first; press one to mirror it"
            row = rows[pick_place(case.data, rows, "Held-out image", title, IMAGE)]
        question = MirroredImage(method, case, form.known(), learner=learner, place=place, row=row)
    if question is None:
        end()
    return question
