"""Where the models look, the same image beside each other, and how it changes on the way."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from components import runs
from components.answer_and_map import pick_heat_map
from components.forget.asked import KEY, MODELS, WORDS, MethodDetail, Rows, model_of
from components.forget.each_image import choose_id
from components.forget.words import FIGURES, percent
from components.links import let_go
from components.picks import pick
from components.section import Section
from components.sidebar.pictures import enlarged
from components.sidebar.subject import square_pixels
from components.widgets.data_images import color_pixels
from components.widgets.model_maps import ShownImage, model_maps
from engine.core import run
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.method import Method
from engine.core.result import Table
from engine.core.run import Answer
from engine.unlearning import Confidence, GivenCase, Retrain, Steps
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.models.classifier import Classifier

FORGOTTEN, TEST, SIDEBAR = "a forgotten image", "a test image", "the sidebar's image"
PART = "Heat maps"
STEP = f"{KEY}.step"


def heat_maps(detail: MethodDetail) -> Rows:
    shown_image, kind = choose(detail)
    if (models := three_models(detail)) is None:
        return []
    label = shown_image.case.model.labels[shown_image.case.target.index]
    whom = "all three" if len(models) == len(MODELS) else "both"
    st.caption(
        f"Asked of {whom}: what speaks for {label}? Each map has a scale of its own, whose ends "
        "stand at its bar; “Same scale” gives all one."
    )
    titles = {WORDS[name].capitalize(): model for name, model in models.items()}
    return [
        [
            Section(
                detail.key,
                kind(),
                replace(shown_image.case, model=models["unlearned"]),
                picture=lambda _: model_maps(shown_image, kind, titles, f"{detail.key}.viewer"),
            )
        ]
    ]


def choose(detail: MethodDetail) -> tuple[ShownImage, type[Method[Any]]]:
    sidebar_image, model = detail.own, detail.case.case.model
    test_count = len(detail.case.case.splits.test)
    offered = [
        FORGOTTEN,
        *([TEST] if test_count else []),
        *([SIDEBAR] if sidebar_image is not None else []),
    ]
    left, middle, right = st.columns([2, 1, 2], vertical_alignment="bottom")
    with left:
        source = pick("Image shown", offered, f"{detail.key}.look.image")
    if source == SIDEBAR and sidebar_image is not None:
        shown_image = ShownImage(square_pixels(sidebar_image), sidebar_image.seen_by(model))
    else:
        with middle:
            row = choose_row(detail, source)
        pixels = detail.data.pixels(np.array([row]))[0].contiguous()
        case = ImageCase(model, pixels, Target(int(detail.data.labels[row])))
        shown_image = ShownImage(enlarged(color_pixels(detail.data, row)), case)
    with right:
        return shown_image, pick_heat_map(shown_image.case, f"{detail.key}.heat")


def choose_row(detail: MethodDetail, source: str) -> int:
    splits, data = detail.case.case.splits, detail.data
    if source == TEST:
        rows = np.concatenate([splits.gone, splits.test])
        return int(
            rows[
                st.number_input(
                    f"Number (of {len(rows)})", 1, len(rows), key=f"{detail.key}.look.test"
                )
                - 1
            ]
        )
    stored_answer = run.kept_answer(Confidence(), detail.case)
    ids = stored_answer["images"]["id"] if stored_answer else data.ids[splits.forget]
    number = choose_id("Image", ids.astype(int).tolist(), f"{detail.key}.look.id")
    return int(data.places(np.array([number]))[0])


def three_models(detail: MethodDetail) -> Mapping[str, Classifier] | None:
    if isinstance(detail.case, GivenCase):
        return detail.case.given
    case, method = detail.case.case, detail.method
    unlearned = runs.ask(method, case, f"{detail.key}.unlearned")
    retrained = runs.ask(Retrain(), method.reference(case), f"{detail.key}.again")
    if not isinstance(unlearned, Answer) or not isinstance(retrained, Answer):
        runs.watch(
            [pending for pending in (unlearned, retrained) if not isinstance(pending, Answer)]
        )
        return None
    models = {"original": case.model}
    for name, answer in zip(MODELS[1:], (unlearned, retrained), strict=True):
        models[name] = model_of(answer["model"], str(answer.record["digest"]), case.model.name)
    return models


# ---------------------------------------------------------------- steps


def steps(detail: MethodDetail) -> Rows:
    return [[detail.section(Steps(), STEPS, detail=lambda result: before_and_now(detail, result))]]


def model_steps(result: Views) -> list[int]:
    return [int(step) for step in result["steps"]["step"]]


def step_row(result: Views) -> int:
    step_numbers = model_steps(result)
    chosen = st.session_state.get(STEP, step_numbers[-1])
    return step_numbers.index(chosen) if chosen in step_numbers else len(step_numbers) - 1


def steps_finding(result: Views) -> str:
    view: Table = result["steps"]
    step_numbers, at = model_steps(result), step_row(result)
    wrong, right, test = (percent(float(view[name][at])) for name in ("UA", "RA", "TA"))
    return (
        f"At step {step_numbers[at]} of {step_numbers[-1]}, {wrong} of the forgotten images are "
        f"wrong, {right} of the others and {test} of the test are right."
    )


STEPS = Drawing(
    "steps",
    "",
    lambda result: Lines(
        x="step",
        series={name: FIGURES[name][0] for name in ("UA", "RA", "TA")},
        title="%",
        span=(-4, 104),
        now=float(model_steps(result)[step_row(result)]),
    ),
    steps_finding,
)


def before_and_now(detail: MethodDetail, answer: Answer) -> None:
    step_numbers, original = model_steps(answer), detail.case.case.model
    let_go(STEP, step_numbers, step_numbers[-1])
    if len(step_numbers) > 1:
        st.select_slider("Step", step_numbers, step_numbers[-1], key=STEP)
    maps = st.container()
    shown_image, kind = choose(detail)
    models = {
        title: model_of(answer[f"model_{at}"], f"{answer.record['digest']} {at}", original.name)
        for title, at in (
            ("Before", 0),
            (f"Step {step_numbers[step_row(answer)]}", step_row(answer)),
        )
    }
    with maps:
        model_maps(shown_image, kind, models, f"{KEY}.steps.viewer")
