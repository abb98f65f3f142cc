"""The image of the sidebar, before and after: the answer, and where the model looks."""

from dataclasses import replace

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components.answer_and_map import AnswerAndMap, answer_and_map, pick_heat_map
from components.draw.two_models import (
    ModelComparison,
    draw_figures,
    draw_likeliest,
    draw_maps,
    model_comparison,
)
from components.footer import Entry, add_entry
from components.notices import escape_markdown
from components.prune.asked import KEY, ShownPruning, pruned_model
from components.prune.layers import finding, layer_widths
from components.section import Section, calls
from components.share import Offer
from components.sidebar.ground import ground_of
from engine.core.charts.drawing import Exhibit
from engine.core.charts.scores import as_table
from engine.core.charts.words import percent
from engine.core.run import Answer
from engine.sparsity import Masks
from engine.sparsity.prune import layer_table

SAME, PARTLY = 0.5, 0.2  # of the hottest tenth: from here on it looks at the same place, or partly
TITLES = "Whole model", "Pruned"
SLOTS = "before", "after"


def show(
    question: ShownPruning,
    masks: Masks,
    pictures: DeltaGenerator,
    side_column: DeltaGenerator,
    answers: DeltaGenerator,
) -> None:
    with side_column:
        kind = pick_heat_map(question.image, f"{KEY}.heat")
    pruned = replace(question.image, model=pruned_model(question, masks))
    before = answer_and_map(question.image, kind, f"{KEY}.{SLOTS[0]}")
    after = answer_and_map(pruned, kind, f"{KEY}.{SLOTS[1]}")
    if before is None or after is None:
        return
    comparison = model_comparison(question.image, before, after)
    st.header(escape_markdown(comparison_text(comparison, masks.sparsity)))
    with pictures:
        draw_maps(question.subject, TITLES, before, after, f"{KEY}.viewer", place_note(comparison))
    with side_column:
        draw_figures(comparison)
    with answers:
        st.markdown("**What it says**")
        draw_likeliest(before, after, TITLES, f"{KEY}.answers")
    for slot, title, answer_map in zip(SLOTS, TITLES, (before, after), strict=True):
        if answer_map.looks is not None:
            taken_along = map_offer(
                question, masks, f"{KEY}.{slot}", answer_map, answer_map.looks, comparison
            )
            add_entry(Entry(title, offer=taken_along))


def map_offer(
    question: ShownPruning,
    masks: Masks,
    key: str,
    answer_map: AnswerAndMap,
    map_answer: Answer,
    comparison: ModelComparison,
) -> Offer:
    """One of the two to take along: its heat map, its classes, and where the model was cut.

    The call beside it makes the pruned model; the masks themselves are offered under "Keep it".
    """
    classes = as_table(answer_map.classes)

    def exhibits() -> list[Exhibit]:
        chart, layers = layer_widths(masks), layer_table(masks)
        cut = Exhibit(layers, "Where it was taken out", finding(masks), chart)
        return [Exhibit(answer_map.classes, "What it says"), cut]

    return Offer(
        map_answer,
        key,
        files={"classes.csv": classes.csv, "layers.csv": lambda: layer_table(masks).csv()},
        calls=calls(Section(KEY, question.method, question.case)),
        sentence=comparison_text(comparison, masks.sparsity),
        notes=[note for note in (place_note(comparison),) if note],
        exhibits=exhibits,
        ground=lambda: ground_of(question.image),
        viewer=f"{KEY}.viewer",
    )


def comparison_text(comparison: ModelComparison, sparsity: float) -> str:
    if not sparsity:
        return f"Nothing is taken out: it says {comparison.first}."
    if comparison.first == comparison.second:
        answer = f"the answer stays {comparison.first}"
    else:
        answer = f"the answer changes from {comparison.first} to {comparison.second}"
    return (
        f"{percent(sparsity)} of the weights are taken out: {answer}, "
        f"and {place_text(comparison.top)}."
    )


def place_text(top: float) -> str:
    if not np.isfinite(top):
        return "its heat map is flat"
    if top >= SAME:
        return "it looks at about the same place"
    return "it looks partly elsewhere" if top >= PARTLY else "it looks elsewhere"


def place_note(comparison: ModelComparison) -> str:
    if not np.isfinite(comparison.top):
        return ""
    return (
        f"Its hottest tenth shares {100 * comparison.top:.0f} % "
        "with the whole model's; chance: 5 %."
    )
