"""The sections "Heat maps" and "Steps": where the models look, and how it changes on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from components import runs
from components.answer_and_map import HEATS
from components.charts import plots
from components.charts.style import COLORS, DASHES, GRAY, SYMBOLS, laid, theme
from components.charts.tables import as_table
from components.forget.asked import (
    KEY,
    MODELS,
    WORDS,
    Closer,
    image_case,
    looked,
    model_of,
    thumb_pixels,
)
from components.forget.each_image import HELD
from components.forget.words import percent
from components.links import let_go, refuse
from components.sidebar.pictures import enlarged
from components.sidebar.subject import Subject, square_pixels
from components.widgets.viewer import Panel, viewer
from engine import run
from engine.case import ImageCase
from engine.case.prediction import Prediction
from engine.method import Method
from engine.models.classifier import Classifier
from engine.result import Columns
from engine.run import Answer
from engine.unlearning import Confidence, Retrain, Steps

FORGOTTEN, TEST, SIDEBAR = "a forgotten image", "a test image", "the sidebar's image"
STEP = f"{KEY}.step"


@dataclass(frozen=True)
class Shown:
    """An image that is put to several models: its pixels for the page, and the question."""

    pixels: NDArray[np.uint8]
    case: ImageCase

    def to(self, model: Classifier) -> ImageCase:
        """The same question to another model."""
        return replace(self.case, model=model)


def show(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """The same image in the three models."""
    del table
    st.markdown("**Where the three models look**")
    shown, kind = choose(closer, subject)
    models = three(closer)
    if models is None:
        return
    panels = []
    for name, model in models.items():
        panel = panel_of(shown.to(model), kind, WORDS[name].capitalize(), name)
        if panel is None:
            return
        panels.append(panel)
    viewer(shown.pixels, panels, f"{KEY}.viewer")
    st.caption(
        f"Asked of all three: what speaks for {shown.case.model.labels[shown.case.target.index]}? "
        "Each map has a scale of its own, whose ends stand at its bar; “Same scale” gives all one."
    )


def choose(closer: Closer, subject: Subject | None) -> tuple[Shown, type[Method[Any]]]:
    """Which image, and which heat map."""
    offered = [FORGOTTEN, TEST, *([SIDEBAR] if subject is not None else [])]
    left, middle, right = st.columns([2, 1, 2], vertical_alignment="bottom")
    key = f"{KEY}.look.image"
    refuse(key, offered, "Image shown", "one of " + ", ".join(offered))
    let_go(key, offered)
    which = left.selectbox("Image shown", offered, key=key, bind="query-params")
    if which == SIDEBAR and subject is not None:
        model = closer.asked.case.model
        case = subject.seen_by(model)
        top = int(model.logits(case.image[None])[0].argmax())
        target = replace(case.target, index=top)
        shown = Shown(square_pixels(subject), replace(case, target=target))
    else:
        row = choose_row(closer, which, middle)
        case = image_case(closer.asked.case.model, closer.data, row)
        shown = Shown(enlarged(thumb_pixels(closer.data, row)), case)
    return shown, choose_heat(shown.case, right)


def choose_row(closer: Closer, which: str, place: Any) -> int:
    """A row of the data."""
    splits, data = closer.asked.case.splits, closer.data
    if which == TEST:
        rows = np.concatenate([splits.gone, splits.test])
        at = place.number_input(f"Number (of {len(rows)})", 1, len(rows), key=f"{KEY}.look.test")
        return int(rows[at - 1])
    rows = splits.forget
    ids = [int(number) for number in data.ids[rows]]
    start = first_id(closer, ids)
    picked = place.selectbox("Id", ids, ids.index(start), key=f"{KEY}.look.id.{start}")
    return int(rows[ids.index(picked)])


def first_id(closer: Closer, ids: list[int]) -> int:
    """The image that was pressed under "Each image", or the one that falls most."""
    if (held := st.session_state.get(HELD)) in ids:
        return int(held)
    known = run.known(Confidence(), closer.case)
    return int(known["images"]["id"][0]) if known else ids[0]


def choose_heat(case: ImageCase, place: Any) -> type[Method[Any]]:
    """Which heat map."""
    offered = {word: kind for word, kind in HEATS.items() if not kind.unmet(case)}
    key = f"{KEY}.heat"
    refuse(key, offered, "Heat map", "one of " + ", ".join(offered))
    let_go(key, offered)
    picked = place.segmented_control(
        "Heat map", list(offered), default=next(iter(offered)), required=True, key=key,
        bind="query-params",
    )  # fmt: skip
    return offered[picked]


def three(closer: Closer) -> dict[str, Classifier] | None:
    """The three models; None while one is made."""
    case, method = closer.asked.case, closer.method
    made = runs.ask(method, case, f"{KEY}.made")
    again = runs.ask(Retrain(), method.reference(case), f"{KEY}.again")
    if not isinstance(made, Answer) or not isinstance(again, Answer):
        runs.watch([one for one in (made, again) if not isinstance(one, Answer)])
        return None
    found = {"original": case.model}
    for name, answer in zip(MODELS[1:], (made, again), strict=True):
        digest = str(answer.record["digest"])
        found[name] = model_of(answer["model"], digest, case.model.name)
    return found


def panel_of(case: ImageCase, kind: type[Method[Any]], title: str, slot: str) -> Panel | None:
    """A model's map of the image with what it says; None while that is computed."""
    found = [
        runs.ask(Prediction(), case, f"{KEY}.{slot}.answer"),
        runs.ask(kind(), case, f"{KEY}.{slot}.heat"),
    ]
    if not all(isinstance(one, Answer) for one in found):
        runs.watch(found)
        return None
    answer, heat = (dict(one) for one in found if isinstance(one, Answer))
    classes: Any = answer["classes"]
    top, own = int(classes.values.argmax()), float(classes.values[case.target.index])
    labels = case.model.labels
    note = f"says {labels[top]}; {labels[case.target.index]} has {percent(own)}"
    map_: Any = heat["map"]
    return Panel(title, map_, note)


# ---------------------------------------------------------------- steps


def steps(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """How it goes on the way, and one image's heat map at each step."""
    del table
    st.markdown("**Step by step**")
    found = looked(closer, Steps())
    if found is None:
        return
    view: Columns = found["steps"]
    numbers = [int(step) for step in view["step"]]
    let_go(STEP, numbers, numbers[-1])
    if len(numbers) > 1:
        step = st.select_slider("Step", numbers, numbers[-1], key=STEP)
    else:
        step = numbers[0]
    at = numbers.index(step)
    words = steps_words(view, at)
    plots.with_table(
        way(view, step), words, {"steps": as_table(view, rows=[f"step {n}" for n in numbers])},
        f"{KEY}.Steps",
    )  # fmt: skip
    shown, kind = choose(closer, subject)
    panels = []
    for place, title in ((0, "Before"), (at, f"Step {step}")):
        snapshot: Any = found[f"model_{place}"]
        name = f"{found.record['digest']} {place}"
        model = model_of(snapshot, name, closer.asked.case.model.name)
        panel = panel_of(shown.to(model), kind, title, f"step{place}")
        if panel is None:
            return
        panels.append(panel)
    viewer(shown.pixels, panels, f"{KEY}.steps.viewer")


def way(view: Columns, step: int) -> go.Figure:
    """Forgotten, kept and test over the steps, with the step in sight."""
    figure = go.Figure()
    color = COLORS[theme()]
    shown = (("UA", "forgotten images wrong"), ("RA", "others right"), ("TA", "test right"))
    for at, (name, word) in enumerate(shown):
        figure.add_scatter(
            x=view["step"], y=100 * view[name], name=word, mode="lines+markers",
            line={"color": color[at], "dash": DASHES[at], "width": 2.5},
            marker={"symbol": SYMBOLS[at], "size": 9},
        )  # fmt: skip
    figure.add_vline(x=step, line={"color": GRAY, "dash": "dash", "width": 2})
    figure.update_xaxes(title="step")
    figure.update_yaxes(title="%", range=[-4, 104])
    return laid(figure, 300)


def steps_words(view: Columns, at: int) -> str:
    """The figures of one step."""
    return (
        f"At step {int(view['step'][at])} of {int(view['step'][-1])}, "
        f"{percent(float(view['UA'][at]))} of the forgotten images are wrong, "
        f"{percent(float(view['RA'][at]))} of the others and {percent(float(view['TA'][at]))} of "
        "the test are right."
    )
