"""What Certificates asks: which data, how the networks are trained, which image, which election."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from components import forms
from components.case_form import CaseForm
from components.ending import end
from components.notices import show_problems
from components.picks import pick, pick_number
from components.widgets.data_images import press_images
from engine.commands.arguments.trained import ExperimentArguments
from engine.evaluation.experiment import ExperimentCase
from engine.unlearning import Certificates, PoisonVotes
from engine.unlearning.certificates.bounds import ROE, SCHEMES
from engine.unlearning.certificates.certificates import STORED_BALLOTS

KEY = "certificates"
SLOT, POISON = f"{KEY}.Certificates", f"{KEY}.PoisonVotes"
DATA = ("mnist-5k", "digits")
IMAGE = f"{KEY}.image"
SIDE = 20  # pictures on the page


@dataclass(frozen=True)
class CertificateQuestion:
    """What the page asks.

    Args:
        case: the data, and the seed.
        method: how the networks are trained.
        scheme: how the votes are counted.
        image: the place of the test image among those that are asked about.
        row: of that image in the data.
        known: the arguments of the case, for *Share*.
    """

    case: ExperimentCase
    method: Certificates
    scheme: str
    image: int
    row: int
    known: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The right answer."""
        return self.name(int(self.case.data.labels[self.row]))

    def name(self, label: int) -> str:
        """A class in words."""
        return self.case.data.classes[label]

    def poisons(self, **given: Any) -> PoisonVotes:
        """The poisons for this image and election."""
        settings = self.method.settings() | {"scheme": self.scheme, "image": self.image}
        return PoisonVotes(**settings, **given)


def choose() -> CertificateQuestion:
    """The data in the sidebar; election, image and partitions on the page."""
    form = CaseForm(ExperimentArguments, KEY, {"names": DATA})
    with st.sidebar:
        st.header("Training images")
        form.ask("data", "radio", first=DATA[0], label_visibility="collapsed")
        form.ask("seed")
    forms.refuse_links(Certificates, SLOT)
    left, middle, right = st.columns([4, 4, 1.5], gap="medium", vertical_alignment="bottom")
    with left:
        scheme = pick("Election", SCHEMES, f"{KEY}.scheme", "pills", first=ROE)
    with middle:
        settings = forms.settings(Certificates, SLOT, ("partitions",))
    with right, st.popover("Settings"):
        settings |= forms.settings(Certificates, SLOT, ("spread", "epochs", "shown", "images"))
    method, question = Certificates(**settings), None
    with show_problems():
        case = ExperimentArguments(**form.given).case()
        rows = method.asked(case)[:STORED_BALLOTS].tolist()
        image = pick_image(case, rows)
        question = CertificateQuestion(case, method, scheme, image, rows[image], form.known())
    if question is None:
        end()
    return question


def pick_image(case: ExperimentCase, rows: list[int]) -> int:
    """The place of a test image, by its number or its picture."""
    with st.expander("Another test image"):
        image = pick_number("Test image", len(rows), IMAGE)
        ids = case.data.ids[rows].tolist()
        press_images(
            case.data,
            rows[:SIDE],
            "Test images; press one to certify its answer",
            f"{KEY}.images",
            partial(press, ids),
            chosen={ids[image]},
            words={row: case.data.classes[case.data.labels[row]] for row in rows},
        )
    return image


def press(ids: list[int], number: int) -> None:
    """A picture was pressed."""
    st.session_state[IMAGE] = ids.index(number)
