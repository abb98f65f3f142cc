"""What Generator asks: which generator, which class it is to forget, and how."""

from dataclasses import fields
from typing import Any

import streamlit as st

from components import forms
from components.case_form import CaseForm
from components.ending import end
from components.notices import show_problems
from components.picks import pick
from engine.core.question import Question
from engine.unlearning import GeneratorCase, GeneratorSalUn
from engine.unlearning.generator.sampling import SampleSettings

KEY = "generator"
SLOT = f"{KEY}.GeneratorSalUn"
SAMPLING = tuple(spec.name for spec in fields(SampleSettings))


GeneratorQuestion = Question[GeneratorSalUn, GeneratorCase]  # of one that is to forget a class


def choose() -> GeneratorQuestion:
    form = CaseForm(GeneratorCase, KEY)
    with st.sidebar:
        st.header("Generator")
        form.ask("model", "radio", label_visibility="collapsed")
        form.ask("seed")
    case: GeneratorCase | None = None
    with show_problems():
        case = GeneratorCase.from_arguments(**form.given)
    if case is None:
        end()
    forms.refuse_links(GeneratorSalUn, SLOT, case)
    settings: dict[str, Any] = {}
    left, middle, right = st.columns([5, 3, 1.5], gap="medium", vertical_alignment="bottom")
    with left:
        settings["label"] = pick(
            "To be forgotten",
            case.generator.labels,
            f"{SLOT}.label",
            "pills",
            first=GeneratorSalUn.label,
        )
    with middle:
        settings |= forms.settings(GeneratorSalUn, SLOT, ("share",))
    with right, st.popover("Settings"):
        settings |= forms.settings(GeneratorSalUn, SLOT, ("steps", "retain", *SAMPLING))
    return Question(GeneratorSalUn(**settings), case)
