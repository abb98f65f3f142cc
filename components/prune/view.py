"""The parts of the Prune view: what is cut, one plain sentence, and where to look closer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import streamlit as st

from components.footer import Entry, footer, leave
from components.forms import refuse_links, widget
from components.notices import plain, spoken
from components.picks import pick
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
    untrained,
)
from components.prune.asked import KEY, Asked, case_of, masks_at, scored
from components.prune.wording import percent
from components.sidebar.subject import Subject
from engine.errors import BlindspotError
from engine.sparsity import Learned, Masks, Prune, PruneCase, agreement_only, masks_in, rounds_of
from engine.sparsity.masks.pruning import BY_TITLE, OF_RATIO, Pruning
from engine.sparsity.opening import PRUNED

Show = Callable[[Asked, Masks], None]
SECTIONS: dict[str, Show] = {
    "Layers": layers.show,
    "Kernels": kernels.show,
    "Patterns": layers.show_patterns,
    "Two criteria": compare.show,
    "Accuracy": accuracy.show,
    "What is lost": harm.show,
    "Before training": untrained.show,
    "Cost and speed": cost.show,
    "Keep it": keep.show,
}
AT_ONCE = {"Layers", "Patterns"}  # drawn before the image's own answer, which asks the network
SPECS = {spec.name: spec for spec in fields(Pruning)}


def question(subject: Subject) -> str:
    """The question of the page in words."""
    return (
        f"Weights of **{plain(subject.case.model.lineage.trail)}** are taken out. Does it still "
        "say the same of this image, and does it still look at the same place?"
    )


def choose(subject: Subject) -> Asked:
    """The case and the rule; the page ends here when the model cannot be pruned."""
    model = subject.case.model
    case: PruneCase | None = None
    with (
        spoken(),
        st.spinner("Getting the model's images ready; the first time takes some seconds"),
    ):
        case = case_of(model, model.fingerprint, subject.case.seed)
    if case is None:
        st.stop()
    if reason := Prune.unmet(case):
        st.error(plain(f"{model.title} cannot be pruned: {reason}"), icon=":material/error:")
        st.stop()
    rule = choose_rule()
    if rule.criterion == Learned.title:
        case = learned.with_scores(case)
    return Asked(subject, case, rule)


def choose_rule() -> Prune:
    """By which criterion, in which pieces, between which layers."""
    refuse_links(Pruning, KEY, title="Prune")
    places = st.columns([3, 2, 1], vertical_alignment="bottom")
    settings = places[2].popover("Settings", width="stretch")
    where = {
        "criterion": places[0], "structure": places[1], "allocation": settings,
        "pattern": settings, "head": settings,
    }  # fmt: skip
    given: dict[str, Any] = {}
    for name, place in where.items():
        with place:
            given[name] = widget(SPECS[name], f"{KEY}.{name}", None)
    return Prune(ratio=PRUNED, **given)


@st.fragment
@footer()
def show(asked: Asked) -> None:
    """Slider, sentence, picture and a closer look; moving the slider reruns only this."""
    asked = replace(asked, method=replace(asked.method, ratio=choose_ratio(asked)))
    if not scored(asked.case, asked.method.criterion, asked.method.allocation):
        return
    if (masks := cut(asked)) is None:
        return
    if words := earlier_round(asked):
        st.caption(words)
    picture = st.container()
    layers.chart(masks)
    section = pick("Look closer", list(SECTIONS), f"{KEY}.section", "segments")
    closer = st.container()
    order = [(picture, before_after.show), (closer, SECTIONS[section])]
    for place, draw in reversed(order) if section in AT_ONCE else order:
        with place, spoken():
            draw(asked, masks)
    explain(asked, masks)


def cut(asked: Asked) -> Masks | None:
    """The masks; None, with the reason said, when the rule cannot be met."""
    try:
        return masks_at(asked.case, asked.method)
    except BlindspotError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None


def earlier_round(asked: Asked) -> str:
    """From the second round on, what was cut before and what the figures count; "" in the first."""
    before = masks_in(asked.case.model)
    if before is None:
        return ""
    number = rounds_of(asked.case.model) + 1
    return (
        f"Round {number}: {percent(before.sparsity)} of the weights were cut before "
        "and stay cut; what is taken out counts against all weights. “Whole model” is the model as "
        f"it came out of round {number - 1}."
    )


def choose_ratio(asked: Asked) -> float:
    """The share that is cut; a pattern is its own ratio."""
    control: Any = SPECS["ratio"].metadata["control"]
    ratio = st.slider(
        "Taken out", control.low, control.high, PRUNED, control.step, format="percent",
        key=f"{KEY}.ratio", bind="query-params", disabled=asked.patterned,
        help="The share of the weights (or pieces) that can be cut. Scores are computed once; "
        "moving this moves only the line between what stays and what goes.",
    )  # fmt: skip
    if asked.patterned:
        st.caption(f"{asked.method.pattern} of every group stay: the pattern is the ratio.")
    return ratio


def explain(asked: Asked, masks: Masks) -> None:
    """What am I looking at, and what it rests on."""
    for note in masks.notes:
        st.caption(plain(note))
    if asked.method.allocation in OF_RATIO:
        st.caption(
            f"{asked.method.allocation} was made for networks before training. Here each layer's "
            "ratio comes from the model's weights as they are, after training."
        )
    criterion = BY_TITLE[asked.method.criterion]
    leave(Entry(Prune.title, Prune))
    leave(Entry(criterion.title, criterion))
    card = asked.case.data.card
    st.caption(plain(f"Measured with: {card.title}. {card.about}"))
    if agreement_only(asked.case):
        st.caption(
            "No labels of these photographs are known, so that “right” means: it says what the "
            "whole model says."
        )
