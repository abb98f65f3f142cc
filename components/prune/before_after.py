"""The image of the sidebar, before and after: the answer, and where the model looks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from components.answer_and_map import AnswerAndMap, answer_and_map, pick_heat_map
from components.charts import plots
from components.charts.tables import signed
from components.draw.bar_groups import BarGroups
from components.notices import plain
from components.prune.asked import KEY, Asked, pruned_model
from components.prune.wording import percent
from components.sidebar.subject import square_behind, square_pixels
from components.widgets.viewer import Panel, viewer
from engine.measures.drift import rank_correlation, top_overlap
from engine.prediction import best
from engine.result import Columns
from engine.sparsity import Masks

SAME, PARTLY = 0.5, 0.2  # of the hottest tenth: from here on it looks at the same place, or partly
SHOWN = 4  # classes
LIKELIEST = BarGroups(
    series={"before": "whole model", "after": "pruned"}, title="probability (%)", span=(0, 118)
)


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
        kind = pick_heat_map(asked.image, f"{KEY}.heat")
        figures = st.container()
    after_case = replace(asked.image, model=pruned_model(asked, masks))
    before = answer_and_map(asked.image, kind, f"{KEY}.before")
    after = answer_and_map(after_case, kind, f"{KEY}.after")
    if before is None or after is None:
        return
    change = changed(asked, before, after)
    sentence.subheader(plain(words(change, masks.sparsity)))
    with left:
        panels = [
            Panel("Whole model", before.heat, f"It says {change.first}."),
            Panel("Pruned", after.heat, f"It says {change.second}."),
        ]
        subject = asked.subject
        viewer(
            square_pixels(subject), panels, f"{KEY}.viewer", square_behind(subject), subject.mask
        )
    with figures:
        numbers(change)
        table = likeliest(before, after)
        plots.drawn(LIKELIEST.figure(table), listed(table), f"{KEY}.answers", said=False)


def changed(asked: Asked, before: AnswerAndMap, after: AnswerAndMap) -> Change:
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
    if not sparsity:
        return f"Nothing is taken out: it says {change.first}."
    if change.first == change.second:
        answer = f"the answer stays {change.first}"
    else:
        answer = f"the answer changes from {change.first} to {change.second}"
    return f"{percent(sparsity)} of the weights are taken out: {answer}, and {place(change.top)}."


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
        "Confidence", f"{100 * change.now:.0f} %",
        "±0 points" if abs(moved) < 0.5 else f"{moved:+.0f} points".replace("-", "−"),
        delta_arrow="off", delta_color="off",
        help=f"Probability of {change.label}; before: {100 * change.was:.1f} %.",
    )  # fmt: skip
    two.metric(
        "Hottest tenth", f"{100 * change.top:.0f} %" if np.isfinite(change.top) else "–",
        help="Of the two tenths of the image that stand out most, before and after: what they "
        "share, divided by what they cover together (IoU). Chance gives 5 %.",
    )  # fmt: skip
    three.metric(
        "Order", signed(change.order) if np.isfinite(change.order) else "–",
        help="Spearman's correlation of the two heat maps: 1 is the same order of all places, "
        "0 none.",
    )  # fmt: skip


def likeliest(before: AnswerAndMap, after: AnswerAndMap) -> Columns:
    """The likeliest classes of the whole model, and that of the pruned one, with both answers."""
    wanted = [index for index, _, _ in best(before.classes, SHOWN)]
    top = int(after.classes.values.argmax())
    if top not in wanted:
        wanted = [*wanted[: SHOWN - 1], top]
    models = {"before": before, "after": after}
    columns = {name: (one.classes.values[wanted], "share") for name, one in models.items()}
    return Columns.of(columns, tuple(before.classes.labels[index] for index in wanted))


def listed(table: Columns) -> str:
    """The classes with both probabilities."""
    rows = zip(table.rows, table["before"], table["after"], strict=True)
    return "; ".join(
        f"{label}: {100 * was:.0f} % before, {100 * now:.0f} % after" for label, was, now in rows
    )
