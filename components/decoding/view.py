"""The first screen of Decoding: the finding, the answers side by side, evidence, and controls."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components.case_form import CaseForm
from components.decoding import answers, leaning, steps
from components.decoding.form import (
    KEY,
    STORY,
    Compared,
    example_button,
    pick,
    speak,
    strategy_form,
)
from components.dialog import question, scene
from components.dialog.scene import DialogImage
from engine.core.method import Method
from engine.vision.language.case import CaptionCase


def show() -> Compared:
    answer, controls = st.container(), st.container()
    with controls:
        st.divider()
        dialog_image, case, methods = choose(answer)
    with answer:
        return compare(dialog_image, case, methods)


def choose(answer: DeltaGenerator) -> tuple[DialogImage, CaptionCase, list[Method[Any]]]:
    prompt_column, editor_column = st.columns([5, 4], gap="large")
    dialog_image = scene.choose(editor_column, STORY, KEY)
    with prompt_column:
        case = question.choose(dialog_image, answer)
        kinds = pick(case)
        example_button("Show the example: a lamp that is not there", STORY)
    methods = []
    for column, kind in zip(st.columns(len(kinds), gap="medium"), kinds, strict=True):
        with column:
            st.markdown(f"**{kind.title}**")
            methods.append(strategy_form(kind, case))
    with st.popover("Seed"):
        case = replace(case, seed=CaseForm(CaptionCase, KEY).ask("seed", width=160))
    return dialog_image, case, methods


def compare(
    dialog_image: DialogImage, case: CaptionCase, methods: Sequence[Method[Any]]
) -> Compared:
    finding = st.container()
    image, *places = st.columns([4, *[3] * len(methods)], gap="medium")
    with image:
        scene.picture(dialog_image, case.vlm.name)
    words, evidenced, provenance = (st.container() for _ in range(3))
    comparison = speak(dialog_image, case, methods)
    finding.header(answers.finding_words(comparison))
    with words:
        answers.show(comparison, places, provenance)
    decided = np.isfinite(leaning.shares(comparison)).any()
    evidence = [leaning.show, steps.show] if decided else [steps.show]
    columns = evidenced.columns(len(evidence), gap="large")
    for place, draw in zip(columns, evidence, strict=True):
        with place:
            draw(comparison)
    return comparison
