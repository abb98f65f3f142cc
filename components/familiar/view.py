"""The view Familiar?: a detector's verdict on the image, what it rests on, and a closer look."""

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components import runs
from components.draw.drawing import draw
from components.familiar import verdict
from components.familiar.closer import closer
from components.familiar.evidence import drawings
from components.familiar.form import KEY, PARTS, JudgedImage, feature_questions
from components.notices import escape_markdown
from components.section import Section
from engine.anomaly.protocol.nearest import nearest_pictures
from engine.core.charts.drawing import Drawing, Views
from engine.evaluation.detection.standing import Standing


def show(question: JudgedImage, below: DeltaGenerator) -> None:
    """The detector's answer; a closer look is drawn below.

    With too few normal images there is no verdict, and nothing to look at closer.
    """
    slots = (*PARTS, "Compare", "Corrupt", question.method.name, f"parent.{question.method.name}")
    runs.leave_others(KEY, [f"{KEY}.{name}" for name in slots])
    result = Section(
        KEY,
        question.method,
        question.case,
        known=question.known,
        first=feature_questions(question),
        sentence=lambda result: verdict.sentence(question, result),
        picture=lambda result: verdict.picture(question, result),
        evidence=drawings(question),
        detail=lambda result: detail(question, result),
    ).show()
    if result and Standing(result).decided:
        with below:
            closer(question, result)


def detail(question: JudgedImage, result: Views) -> None:
    if "nearest" in result:
        part = partial(nearest_pictures, question.case.normal)
        draw(Drawing("nearest", "The nearest normal images", part=part), result, f"{KEY}.nearest")
    else:
        st.caption("This model has no features to compare.")
    notes = result["notes"]
    for note in notes.labels if notes.values[0] else ():
        st.caption(escape_markdown(note))
    card = question.case.normal.card
    st.caption(escape_markdown(f"Normal images: {card.title}. {card.about} {card.made}"))
