"""The image of the sidebar, before and after: the answer, and where the model looks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from components import runs
from components.charts import plots
from components.charts.tables import signed
from components.notices import plain
from components.prune import charts
from components.prune.asked import KEY, Asked, pruned_model
from components.sidebar.subject import square_behind, square_pixels
from components.widgets.heat_choice import choose_heat
from components.widgets.viewer import Panel, viewer
from engine.case import ImageCase
from engine.measures.drift import rank_correlation, top_overlap
from engine.method import Method
from engine.prediction import Prediction, best
from engine.result import HeatMap, Scores
from engine.run import Answer
from engine.sparsity import Masks

SAME, PARTLY = 0.5, 0.2  # of the hottest tenth: from here on it looks at the same place, or partly
SHOWN = 4  # classes


@dataclass(frozen=True)
class Seen:
    """What one model says of the image, and where it looks."""

    classes: Scores
    heat: HeatMap


@dataclass(frozen=True)
class Change:
    """The image before and after.

    Args:
        label: what is asked about.
        was, now: its probability.
        first, second: what each model says.
        order: rank correlation of the heat maps.
        top: IoU of their hottest tenths.
    """

    label: str
    was: float
    now: float
    first: str
    second: str
    order: float
    top: float


def show(asked: Asked, masks: Masks) -> None:
    """The sentence, the two heat maps, and the figures beside them."""
    sentence = st.empty()
    left, right = st.columns([3, 2], gap="large")
    with right:
        kind = choose_heat(asked.image, f"{KEY}.heat")
        figures = st.container()
    before = seen(asked.image, kind, "before")
    after = seen(replace(asked.image, model=pruned_model(asked, masks)), kind, "after")
    if before is None or after is None:
        return
    change = changed(asked, before, after)
    sentence.subheader(plain(words(change, masks.sparsity)))
    with left:
        panels = [
            Panel("Whole model", before.heat, f"It says {change.first}."),
            Panel("Pruned", after.heat, f"It says {change.second}."),
        ]
        viewer(
            square_pixels(asked.subject), panels, f"{KEY}.viewer", square_behind(asked.subject),
            asked.subject.mask,
        )  # fmt: skip
    with figures:
        numbers(change)
        likeliest(before.classes, after.classes)


def seen(case: ImageCase, kind: type[Method[Any]], word: str) -> Seen | None:
    """What a model says of the image and where it looks; None while that is computed."""
    slots = {f"{KEY}.{word}.answer": Prediction(), f"{KEY}.{word}.heat": kind()}
    found = [runs.ask(method, case, slot) for slot, method in slots.items()]
    if not all(isinstance(one, Answer) for one in found):
        runs.watch(found)
        return None
    answer, heat = (dict(one) for one in found if isinstance(one, Answer))
    return Seen(answer["classes"], heat["map"])


def changed(asked: Asked, before: Seen, after: Seen) -> Change:
    """What changed, in figures."""
    index, labels = asked.image.target.index, asked.image.model.labels
    return Change(
        labels[index],
        float(before.classes.values[index]),
        float(after.classes.values[index]),
        labels[int(before.classes.values.argmax())],
        labels[int(after.classes.values.argmax())],
        rank_correlation(before.heat.values, after.heat.values),
        top_overlap(before.heat.values, after.heat.values),
    )


def words(change: Change, sparsity: float) -> str:
    """What was taken out, and whether the answer and the place survive."""
    cut = charts.percent(sparsity)
    if not sparsity:
        return f"Nothing is taken out: it says {change.first}."
    if change.first == change.second:
        answer = f"the answer stays {change.first}"
    else:
        answer = f"the answer changes from {change.first} to {change.second}"
    return f"{cut} of the weights are taken out: {answer}, and {place(change.top)}."


def place(top: float) -> str:
    """Where it looks now, in words."""
    if not np.isfinite(top):
        return "its heat map is flat"
    if top >= SAME:
        return "it looks at about the same place"
    return "it looks partly elsewhere" if top >= PARTLY else "it looks elsewhere"


def numbers(change: Change) -> None:
    """Confidence and drift."""
    one, two, three = st.columns(3)
    moved = 100 * (change.now - change.was)
    one.metric(
        "Confidence", f"{100 * change.now:.0f} %", points(moved),
        delta_arrow="off",
        delta_color="off",
        help=f"Probability of {change.label}; before: {100 * change.was:.1f} %.",
    )  # fmt: skip
    two.metric(
        "Hottest tenth", told(change.top),
        help="Of the two tenths of the image that stand out most, before and after: what they "
        "share, divided by what they cover together (IoU). Chance gives 5 %.",
    )  # fmt: skip
    three.metric(
        "Order", signed(change.order) if np.isfinite(change.order) else "–",
        help="Spearman's correlation of the two heat maps: 1 is the same order of all places, "
        "0 none.",
    )  # fmt: skip


def points(change: float) -> str:
    """A change of a confidence."""
    return "±0 points" if abs(change) < 0.5 else f"{change:+.0f} points".replace("-", "−")


def told(share: float) -> str:
    """A share, or a dash."""
    return f"{100 * share:.0f} %" if np.isfinite(share) else "–"


def likeliest(before: Scores, after: Scores) -> None:
    """The likeliest classes of both, as bars."""
    wanted = [index for index, _, _ in best(before, SHOWN)]
    top = int(after.values.argmax())
    if top not in wanted:
        wanted = [*wanted[: SHOWN - 1], top]
    labels = [before.labels[index] for index in wanted]
    figure = charts.answers(labels, before.values[wanted], after.values[wanted])
    said = "; ".join(
        f"{label}: {100 * before.values[index]:.0f} % before, "
        f"{100 * after.values[index]:.0f} % after"
        for label, index in zip(labels, wanted, strict=True)
    )
    plots.drawn(figure, said, f"{KEY}.answers", said=False)
