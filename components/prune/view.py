"""The parts of the Prune view: what is cut, one plain sentence, and where to look closer."""

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components.ending import end
from components.footer import Entry, add_entry, footer
from components.forms import refuse_links, widget, within
from components.links import refuse
from components.notices import escape_markdown, show_problems
from components.picks import pick_or_none
from components.prune import (
    accuracy,
    before_after,
    compare,
    cost,
    harm,
    keep,
    kernels,
    layers,
    learned,
    overlaps,
    search,
    sensitivity,
    untrained,
)
from components.prune.asked import (
    KEY,
    PATTERNED,
    PruneQuestion,
    ShownPruning,
    case_of,
    masks_at,
    model_identity,
    scores_ready,
)
from components.sidebar.subject import Subject
from engine.commands.openings.sparsity import PRUNED
from engine.core.charts.words import percent
from engine.sparsity import Learned, Masks, Prune, PruneCase, agreement_only, masks_in, rounds_of
from engine.sparsity.criteria.shares import OF_RATIO
from engine.sparsity.masks.pruning import BY_TITLE, Pruning

Show = Callable[[ShownPruning, Masks], None]
SEARCHED = "The search"  # of a criterion that searches
SECTIONS: dict[str, Show] = {
    SEARCHED: search.show,
    "Layers": layers.show,
    "Sensitivity": sensitivity.show,
    "Kernels": kernels.show,
    "Patterns": layers.show_patterns,
    "Two criteria": compare.show,
    "All criteria": overlaps.show,
    "Accuracy": accuracy.show,
    "What is lost": harm.show,
    "Before training": untrained.show,
    "Cost and speed": cost.show,
    "Keep it": keep.show,
}
AT_ONCE = {"Layers", "Patterns"}  # like the layers' chart, they do not ask the network
TOOK, LONG = f"{KEY}.took", 1.0  # seconds that the image's own answer took, and what is long
SPECS = {spec.name: spec for spec in fields(Pruning)}


class PlacedDrawing(NamedTuple):
    """What is drawn where."""

    place: DeltaGenerator
    draw: Callable[[], None]


def show(subject: Subject) -> None:
    """The view; the page ends here when the model cannot be pruned."""
    model = subject.case.model
    case: PruneCase | None = None
    with (
        show_problems(),
        st.spinner("Getting the model's images ready; the first time takes some seconds"),
    ):
        case = case_of(model, model_identity(model), subject.case.seed)
    if case is None:
        end()
    if reason := Prune.unmet(case):
        st.error(
            escape_markdown(f"{model.title} cannot be pruned: {reason}"), icon=":material/error:"
        )
        end()
    prune(subject, case)


@st.fragment
@footer()
def prune(subject: Subject, case: PruneCase) -> None:
    """The answer above the controls that it depends on; moving one reruns only this."""
    refuse_links(Pruning, KEY, title="Prune")
    sentence = st.container()
    pictures, side_column = st.columns([3, 1], gap="medium")
    answers, evidence = st.columns([2, 3], gap="large")
    controls = st.container()
    with controls:
        rule = choose_rule()
        if rule.criterion == Learned.title:
            case = learned.with_scores(case)
    with side_column:
        method = replace(rule, ratio=choose_ratio(rule))
        question = ShownPruning(method, case, subject=subject)
    with sentence:
        if not scores_ready(case, question.method) or (masks := pruning_masks(question)) is None:
            return
        if words := earlier_round(question):
            st.caption(words)
    searches = question.method.searches and question.method.ratio > 0
    offered = [name for name in SECTIONS if name != SEARCHED or searches]
    part = pick_or_none("Look closer", offered, f"{KEY}.section")
    closer = st.container()
    answer = PlacedDrawing(
        sentence, lambda: timed(before_after.show, question, masks, pictures, side_column, answers)
    )
    at_once, later = (
        [PlacedDrawing(evidence, lambda: layers.draw_layers(masks))],
        list[PlacedDrawing](),
    )
    if part is not None:
        closer_drawing = PlacedDrawing(closer, lambda: SECTIONS[part](question, masks))
        (at_once if part in AT_ONCE else later).append(closer_drawing)
    first = [answer, *at_once] if quick() else [*at_once, answer]
    for place, draw in [*first, *later]:
        with place, show_problems():
            draw()
    explain(question, masks)


def timed(draw: Callable[..., None], *given: Any) -> None:
    began = perf_counter()
    draw(*given)
    st.session_state[TOOK] = perf_counter() - began


def quick() -> bool:
    """Whether the answer came so fast last time that what needs no network is drawn after it."""
    return bool(st.session_state.get(TOOK, LONG) < LONG)


def choose_rule() -> Prune:
    places = st.columns([3, 2, 1], vertical_alignment="bottom")
    settings = places[2].popover("Settings", width="stretch")
    where = {
        "criterion": places[0],
        "structure": places[1],
        "allocation": settings,
        "pattern": settings,
        "head": settings,
    }
    arguments: dict[str, Any] = {}
    for name, place in where.items():
        with place:
            arguments[name] = widget(SPECS[name], f"{KEY}.{name}", None)
    return Prune(**arguments)


def choose_ratio(rule: Prune) -> float:
    control: Any = SPECS["ratio"].metadata["control"]
    patterned = rule.structure == PATTERNED
    refuse(f"{KEY}.ratio", partial(within, control), "Taken out", control.words())
    ratio = st.slider(
        "Taken out",
        control.low,
        control.high,
        PRUNED,
        control.step,
        format="percent",
        key=f"{KEY}.ratio",
        bind="query-params",
        disabled=patterned,
        help="The share of the weights (or pieces) that can be cut. Scores are computed once; "
        "moving this moves only the line between what stays and what goes.",
    )
    if patterned:
        st.caption(f"{rule.pattern} of every group stay: the pattern is the ratio.")
    return ratio


def pruning_masks(question: PruneQuestion) -> Masks | None:
    with show_problems():
        return masks_at(question.case, question.method)


def earlier_round(question: PruneQuestion) -> str:
    before = masks_in(question.case.model)
    if before is None:
        return ""
    number = rounds_of(question.case.model) + 1
    return (
        f"Round {number}: {percent(before.sparsity)} of the weights were cut before "
        "and stay cut; what is taken out counts against all weights. “Whole model” is the model as "
        f"it came out of round {number - 1}."
    )


def explain(question: PruneQuestion, masks: Masks) -> None:
    for note in masks.notes:
        st.caption(escape_markdown(note))
    if question.method.allocation in OF_RATIO:
        st.caption(
            f"{question.method.allocation} was made for networks before training. Here each "
            "layer's ratio comes from the model's weights as they are, after training."
        )
    criterion = BY_TITLE[question.method.criterion]
    add_entry(Entry(Prune.title, Prune))
    add_entry(Entry(criterion.title, criterion))
    card = question.case.data.card
    st.caption(escape_markdown(f"Measured with: {card.title}. {card.about}"))
    if agreement_only(question.case):
        st.caption(
            "No labels of these photographs are known, so that “right” means: it says what the "
            "whole model says."
        )
