"""Where the models look, the same image beside each other, and how it changes on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from components import runs, section
from components.answer_and_map import pick_heat_map
from components.draw.drawing import Drawing, Views
from components.draw.lines import Lines
from components.forget.asked import (
    KEY,
    MODELS,
    WORDS,
    Closer,
    image_case,
    model_of,
)
from components.forget.each_image import CHOSEN
from components.forget.words import percent
from components.links import let_go
from components.picks import pick
from components.section import Section
from components.sidebar import subject
from components.sidebar.pictures import enlarged
from components.sidebar.subject import square_pixels
from components.widgets.data_images import pixels_of
from components.widgets.model_maps import ShownImage, model_maps
from engine import run
from engine.method import Method
from engine.models.classifier import Classifier
from engine.result import Columns
from engine.run import Answer
from engine.unlearning import Confidence, Retrain, Steps

FORGOTTEN, TEST, SIDEBAR = "a forgotten image", "a test image", "the sidebar's image"
STEP = f"{KEY}.step"
FIGURES = {"UA": "forgotten images wrong", "RA": "others right", "TA": "test right"}


def show(closer: Closer) -> None:
    """The same image in the three models."""
    st.markdown("**Where the three models look**")
    shown, kind = choose(closer)
    if (models := three(closer)) is None:
        return
    named = {WORDS[name].capitalize(): model for name, model in models.items()}
    if model_maps(shown, kind, named, f"{KEY}.viewer"):
        st.caption(
            f"Asked of all three: what speaks for "
            f"{shown.case.model.labels[shown.case.target.index]}? Each map has a scale of its own, "
            "whose ends stand at its bar; “Same scale” gives all one."
        )


def choose(closer: Closer) -> tuple[ShownImage, type[Method[Any]]]:
    """Which image, and which heat map."""
    own, model = subject.current_or_none(), closer.asked.case.model
    offered = [FORGOTTEN, TEST, *([SIDEBAR] if own is not None else [])]
    left, middle, right = st.columns([2, 1, 2], vertical_alignment="bottom")
    with left:
        which = pick("Image shown", offered, f"{KEY}.look.image")
    if which == SIDEBAR and own is not None:
        case = own.seen_by(model)
        top = int(model.logits(case.image[None])[0].argmax())
        case = replace(case, target=replace(case.target, index=top))
        shown = ShownImage(square_pixels(own), case)
    else:
        with middle:
            row = choose_row(closer, which)
        case = image_case(model, closer.data, row)
        shown = ShownImage(enlarged(pixels_of(closer.data, row)), case)
    with right:
        return shown, pick_heat_map(shown.case, f"{KEY}.heat")


def choose_row(closer: Closer, which: str) -> int:
    """A row of the data."""
    splits, data = closer.asked.case.splits, closer.data
    if which == TEST:
        rows = np.concatenate([splits.gone, splits.test])
        return int(rows[st.number_input(
            f"Number (of {len(rows)})", 1, len(rows), key=f"{KEY}.look.test"
        ) - 1])  # fmt: skip
    ids = [int(number) for number in data.ids[splits.forget]]
    start = first_id(closer, ids)
    picked = st.selectbox("Id", ids, ids.index(start), key=f"{KEY}.look.id.{start}")
    return int(splits.forget[ids.index(picked)])


def first_id(closer: Closer, ids: list[int]) -> int:
    """The image that was pressed under "Each image", or the one that falls most."""
    if (chosen := st.session_state.get(CHOSEN)) in ids:
        return int(chosen)
    known = run.known(Confidence(), closer.case)
    return int(known["images"]["id"][0]) if known else ids[0]


def three(closer: Closer) -> dict[str, Classifier] | None:
    """The three models; None while one is made."""
    case, method = closer.asked.case, closer.method
    made = runs.ask(method, case, f"{KEY}.unlearned")
    again = runs.ask(Retrain(), method.reference(case), f"{KEY}.again")
    if not isinstance(made, Answer) or not isinstance(again, Answer):
        runs.watch([one for one in (made, again) if not isinstance(one, Answer)])
        return None
    found = {"original": case.model}
    for name, answer in zip(MODELS[1:], (made, again), strict=True):
        found[name] = model_of(answer["model"], str(answer.record["digest"]), case.model.name)
    return found


# ---------------------------------------------------------------- steps


def steps(closer: Closer) -> None:
    """How it goes on the way, and one image's heat map at each step."""
    section.show(
        Section(
            KEY, Steps(), closer.case, "Step by step", columns=1,
            picture=lambda found: choose_step(found["steps"]),
            evidence=[
                Drawing(
                    "steps",
                    chart=lambda found: Lines(x="step", series=FIGURES, title="%", span=(-4, 104),
                                              now=float(found["steps"]["step"][place(found)])),
                    finding=lambda found: steps_finding(found["steps"], place(found)),
                )
            ],
            detail=lambda found: before_and_now(closer, found),
        )
    )  # fmt: skip


def choose_step(view: Columns) -> None:
    """The step that is looked at, at first the last."""
    numbers = [int(step) for step in view["step"]]
    let_go(STEP, numbers, numbers[-1])
    if len(numbers) > 1:
        st.select_slider("Step", numbers, numbers[-1], key=STEP)


def place(found: Views) -> int:
    """The row of the step that is looked at."""
    numbers = [int(step) for step in found["steps"]["step"]]
    chosen = st.session_state.get(STEP, numbers[-1])
    return numbers.index(chosen) if chosen in numbers else len(numbers) - 1


def steps_finding(view: Columns, at: int) -> str:
    """The figures of one step."""
    return (
        f"At step {int(view['step'][at])} of {int(view['step'][-1])}, "
        f"{percent(float(view['UA'][at]))} of the forgotten images are wrong, "
        f"{percent(float(view['RA'][at]))} of the others and {percent(float(view['TA'][at]))} of "
        "the test are right."
    )


def before_and_now(closer: Closer, found: Answer) -> None:
    """One image's heat map before the first step and at the one that is looked at."""
    at, original = place(found), closer.asked.case.model
    shown, kind = choose(closer)
    places = {"Before": 0, f"Step {int(found['steps']['step'][at])}": at}
    models = {
        title: model_of(found[f"model_{k}"], f"{found.record['digest']} {k}", original.name)
        for title, k in places.items()
    }
    model_maps(shown, kind, models, f"{KEY}.steps.viewer")
