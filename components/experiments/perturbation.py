"""The audit of visual perturbations on one scene, with its words."""

import streamlit as st

from components import forms
from components.case_form import CaseForm
from components.draw.drawing import draw
from components.draw.tokens import WordMarks
from components.section import Section
from engine.commands.openings.hallucination import PUSHED
from engine.core.charts.bar_groups import BarGroups
from engine.core.charts.drawing import Drawing, Views
from engine.core.result import Table
from engine.evaluation.experiment import ExperimentCase
from engine.hallucination import CaptionCase, asking
from engine.hallucination.vlm_audit.one_scene import AFTER, BEFORE, CONTROL, PerturbedAnswer
from engine.vision.language.tiny_vlm.weights import HONEST


def detector_words(result: Views) -> str:
    numbers: Table = result["numbers"]
    scores = ", ".join(
        f"{name} {numbers.cell(name, 'detector'):+.2f}" for name in (BEFORE, AFTER, CONTROL)
    )
    return (
        f"Loss {numbers.cell(BEFORE, 'loss of the phrase'):.1f} nats before, "
        f"{numbers.cell(AFTER, 'loss of the phrase'):.2f} after rounding to 8 bits. Detector's "
        f"score: {scores}."
    ).replace("-", "−")


WORDS = (
    Drawing(BEFORE, "Before", WordMarks(small=True), lambda _: "How sure it was of each word."),
    Drawing(AFTER, "After", WordMarks(small=True), lambda _: "The same of the changed picture."),
    Drawing(
        "phrase",
        "How likely each word of the phrase is",
        BarGroups(series={BEFORE: BEFORE, AFTER: AFTER}, title="%", span=(0, 118)),
        lambda _: "Each word given the ones before it; the end is a word too.",
    ),
    Drawing("trace", "The loss on the way", finding=detector_words),
)


def show(_result: Views, _case: ExperimentCase, key: str) -> None:
    st.header("On one scene")
    key = f"{key}.one"
    slot = f"{key}.{PerturbedAnswer.name}"
    answer, dials = st.container(), st.container()
    forms.refuse_links(PerturbedAnswer, slot)
    with dials:
        form = CaseForm(CaptionCase, key)
        left, right = st.columns(2, gap="large")
        with left:
            settings = forms.settings(PerturbedAnswer, slot, ("epsilon", "phrase"))
            form.ask("scene", first=PUSHED)
        with right:
            settings |= forms.settings(PerturbedAnswer, slot, ("against", "strength", "knows"))
        with st.popover("Scene and attack"):
            settings |= forms.settings(PerturbedAnswer, slot, ("steps", "step"))
            form.ask("kind")
            form.ask(
                "model", first=HONEST, only=lambda model: model.name in asking.shipped_models()
            )
            form.ask("ask", most=400)
            form.ask("seed")
        case = CaptionCase.from_arguments(**form.given)
    with answer:
        Section(
            key,
            PerturbedAnswer(**settings),
            case,
            PerturbedAnswer.title,
            known=form.known(),
            evidence=WORDS,
            picture=lambda result: draw(Drawing("picture"), result, f"{key}.picture"),
        ).show()
