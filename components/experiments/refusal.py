"""The audit of a refusal on one question, with the dial."""

from __future__ import annotations

import streamlit as st

from components import forms, section
from components.draw.drawing import draw
from components.section import Section
from engine.core.charts.bar_groups import BarGroups
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.evaluation.experiment import ExperimentCase
from engine.hallucination.experiments.one_question import EDITED, PLAIN, REROUTED, DeclinedQuestion


def show(_result: Views, case: ExperimentCase, key: str) -> None:
    """One question: the direction's dial, and its note rerouted."""
    st.header("On one question")
    key = f"{key}.one"
    slot = f"{key}.{DeclinedQuestion.name}"
    answer, dials = st.container(), st.container()
    forms.refuse_links(DeclinedQuestion, slot)
    with dials:
        left, right = st.columns(2, gap="large")
        with left:
            settings = forms.settings(DeclinedQuestion, slot, ("question", "declined"))
        with right:
            settings |= forms.settings(DeclinedQuestion, slot, ("dial", "layer"))
        with st.popover("Rerouting"):
            settings |= forms.settings(DeclinedQuestion, slot, ("target", "words", "rounds"))
    with answer:
        section.show(
            Section(
                key, DeclinedQuestion(**settings), case, DeclinedQuestion.title, columns=2,
                picture=lambda result: draw(
                    Drawing(
                        "answers", "",
                        BarGroups(
                            series={name: name for name in (PLAIN, EDITED, REROUTED)}, title="%",
                            span=(0, 118),
                        ),
                        lambda _: "How likely each word is as the answer.",
                    ),
                    result, f"{key}.answers",
                ),
                evidence=(
                    Drawing(
                        "lens", "Would it decline if it ended here?",
                        Lines(
                            x="layer", series={name: name for name in (PLAIN, EDITED, REROUTED)},
                            span=(-4, 104), title="probability of DECLINE (%)",
                            x_title="layer (0: embedding)",
                        ),
                        lambda _: "The last norm and the output's weights, put after each layer.",
                    ),
                    Drawing("trace", "The loss of rerouting, round by round"),
                ),
            )
        )  # fmt: skip
