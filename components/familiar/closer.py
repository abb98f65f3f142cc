"""A closer look in Familiar?: every detector, images made worse, or the model it was made from."""

from dataclasses import replace

import numpy as np
import streamlit as st

from components import forms
from components.familiar.form import KEY, JudgedImage, feature_questions
from components.picks import pick
from components.section import Section
from components.sidebar.pictures import enlarged
from components.widgets.pictures import show_picture
from engine.anomaly import Compare, Corrupt, ViM
from engine.anomaly.detectors.quick import BY_NAME
from engine.anomaly.protocol.compare import BELOW, believed, ranked
from engine.anomaly.protocol.corrupt import FLAGGED, LEVELS, SEVERITY, at_step, with_flagged
from engine.core.charts.bars import Bars
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.pictures import as_bytes
from engine.core.result import Table
from engine.evaluation.corruptions import corrupted
from engine.evaluation.detection import sources
from engine.evaluation.detection.standing import of_models
from engine.vision.models.classifier import Classifier


def closer(question: JudgedImage, result: Views) -> None:
    parent = sources.parent_of(question.case.model)
    looks = ["Every detector", "Made worse", *(["Beside its parent"] if parent else [])]
    match pick("Look closer", looks, f"{KEY}.closer", "segments"):
        case "Every detector":
            every_detector(question)
        case "Made worse":
            made_worse(question)
        case _ if parent:
            parent_answer(question, result, parent)


def every_detector(question: JudgedImage) -> None:
    method = Compare(**forms.settings(Compare, f"{KEY}.Compare"))
    ranking = Drawing("ranking", part=ranked, chart=ranking_chart, finding=believed)
    Section(KEY, method, question.case, known=question.known, evidence=[ranking]).show()


def ranking_chart(result: Views) -> Bars:
    table = ranked(result["ranking"])
    texts = [
        f"p {p:.3g}" + (f", AUROC {area:.2f}" if np.isfinite(area) else "")
        for p, area in zip(table["p-value"], table["AUROC"], strict=True)
    ]
    return Bars(value=BELOW, title="less unusual normal images (%)", span=(0, 104), texts=texts)


def made_worse(question: JudgedImage) -> None:
    name = question.method.name if question.method.name in BY_NAME else ViM.name
    forms.refuse_links(Corrupt, f"{KEY}.Corrupt")
    left, right = st.columns([1, 3], gap="large")
    with left:
        method = Corrupt(detector=name, **forms.settings(Corrupt, f"{KEY}.Corrupt", {"kind"}))
        steps = [f"{level:g}" for level in LEVELS]
        at = steps.index(pick("Severity", steps, f"{KEY}.severity", "slider"))
        image = corrupted(question.case.image[None], method.kind, LEVELS[at], question.case.seed)[0]
        words = f"This image with {method.kind} of severity {steps[at]}"
        show_picture(enlarged(as_bytes(image)), words, width="stretch")

    title, labels = BY_NAME[name].title, question.case.model.labels
    drawing = Drawing(
        "steps",
        made=lambda result: with_flagged(result, question.alpha),
        chart=lambda result: steps_chart(
            with_flagged(result, question.alpha), LEVELS[at], question.alpha
        ),
        finding=lambda result: at_step(result, at, question.alpha, title, labels),
    )
    with right:
        Section(KEY, method, question.case, known=question.known, evidence=[drawing]).show()


def steps_chart(steps: Table, severity: float, alpha: float) -> Lines:
    series = {
        FLAGGED: f"normal images flagged at {100 * alpha:g} %",
        "p-value of the image": "p-value of this image",
    }
    if np.isfinite(steps["accuracy"]).all():
        series["accuracy"] = "normal images that the model gets right"
    return Lines(x=SEVERITY, series=series, now=severity, title="%", span=(-2, 102))


def parent_answer(question: JudgedImage, result: Views, parent: Classifier) -> None:
    model_title, parent_title = question.case.model.title, f"{parent.title} (parent)"
    parent_question = replace(question, case=replace(question.case, model=parent))
    Section(
        f"{KEY}.parent",
        parent_question.method,
        parent_question.case,
        known=parent_question.known,
        first=feature_questions(parent_question),
        explained=False,
        sentence=lambda other: (
            f"{parent.title}: {parent_question.method.finding(parent_question.case, other)}"
        ),
        evidence=[
            Drawing(
                "measures",
                made=lambda other: of_models({model_title: result, parent_title: other}),
                finding=lambda _: (
                    "Scores of two models are not on one scale; p-values and "
                    "shares are. The same normal and unknown images were shown to both."
                ),
            )
        ],
    ).show()
