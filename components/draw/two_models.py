"""Two models on one image: where each looks, what it says, and how far apart the two are."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from components.answer_and_map import AnswerAndMap
from components.charts import plots
from components.charts.finished import finished_figure
from components.sidebar.subject import Subject, square_behind, square_pixels
from components.widgets.viewer import Panel, viewer
from engine.core.charts.bar_groups import BarGroups
from engine.core.charts.words import signed
from engine.core.result import Table
from engine.evaluation.measures.drift import rank_correlation, top_overlap
from engine.vision.case import ImageCase
from engine.vision.case.prediction import top_classes

COMPARED_CLASSES = 4  # classes


@dataclass(frozen=True)
class ModelComparison:
    """An image before and after a model was changed.

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


def model_comparison(case: ImageCase, before: AnswerAndMap, after: AnswerAndMap) -> ModelComparison:
    index, labels = case.target.index, case.model.labels
    return ModelComparison(
        labels[index],
        float(before.classes.values[index]),
        float(after.classes.values[index]),
        labels[int(before.classes.values.argmax())],
        labels[int(after.classes.values.argmax())],
        rank_correlation(before.heat.values, after.heat.values),
        top_overlap(before.heat.values, after.heat.values),
    )


def draw_maps(
    subject: Subject,
    titles: tuple[str, str],
    before: AnswerAndMap,
    after: AnswerAndMap,
    key: str,
    trust: str = "",
) -> None:
    panels = [
        Panel(title, model.heat, f"It says {top_classes(model.classes, 1)[0][1]}. {more}".strip())
        for title, model, more in zip(titles, (before, after), ("", trust), strict=True)
    ]
    viewer(square_pixels(subject), panels, key, square_behind(subject), subject.mask)


def draw_figures(comparison: ModelComparison) -> None:
    place = st.container(horizontal=True)
    moved = 100 * (comparison.now - comparison.was)
    place.metric(
        "Confidence",
        f"{100 * comparison.now:.0f} %",
        "±0 points" if abs(moved) < 0.5 else f"{moved:+.0f} points".replace("-", "−"),
        delta_arrow="off",
        delta_color="off",
        width="content",
        help=f"Probability of {comparison.label}; before: {100 * comparison.was:.1f} %.",
    )
    place.metric(
        "Hottest tenth",
        f"{100 * comparison.top:.0f} %" if np.isfinite(comparison.top) else "–",
        width="content",
        help="Of the two tenths of the image that stand out most, before and after: what they "
        "share, divided by what they cover together (IoU). Chance gives 5 %.",
    )
    place.metric(
        "Order",
        signed(comparison.order) if np.isfinite(comparison.order) else "–",
        width="content",
        help="Spearman's correlation of the two heat maps: 1 is the same order of all places, "
        "0 none.",
    )


def draw_likeliest(
    before: AnswerAndMap, after: AnswerAndMap, titles: tuple[str, str], key: str
) -> None:
    table = likeliest(before, after)
    shape = BarGroups(
        series=dict(zip(table.order, (title.lower() for title in titles), strict=True)),
        title="probability (%)",
        span=(0, 118),
        ticks=(0, 25, 50, 75, 100),
    )
    rows = zip(table.rows, table["before"], table["after"], strict=True)
    probability_words = "; ".join(
        f"{label}: {100 * was:.0f} % before, {100 * now:.0f} % after" for label, was, now in rows
    )
    plots.show_figure(finished_figure(shape.figure, table), probability_words, key, said=False)


def likeliest(before: AnswerAndMap, after: AnswerAndMap) -> Table:
    indices = [index for index, _, _ in top_classes(before.classes, COMPARED_CLASSES)]
    top = int(after.classes.values.argmax())
    if top not in indices:
        indices = [*indices[: COMPARED_CLASSES - 1], top]
    models = {"before": before, "after": after}
    columns = {name: (model.classes.values[indices], "share") for name, model in models.items()}
    return Table.of(columns, tuple(before.classes.labels[index] for index in indices))
