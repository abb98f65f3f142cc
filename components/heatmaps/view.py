"""The parts of the Heatmaps view: pick methods, set them, read their maps."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any

import streamlit as st

from components import exports, runs
from components.forms import method_form, refuse_links
from components.heatmaps import truth
from components.links import refuse
from components.notices import plain
from components.runs import Outcome, Pending, Problem
from components.sidebar.subject import (
    Subject,
    cost_words,
    precise,
    square_behind,
    square_pixels,
)
from components.trust import trials
from components.widgets.viewer import MOST_PANELS, Panel, viewer
from engine.method import Method
from engine.run import Answer, known

Kind = type[Method[Any]]


def pick(kinds: Sequence[Kind], subject: Subject, default: Sequence[Kind]) -> list[Kind]:
    """Up to four methods; those that do not fit the model are gray, with the reason."""
    fitting = [kind for kind in kinds if not kind.unmet(subject.case)]
    titles = {kind.title: kind for kind in fitting}
    rule = f"among those offered for {subject.case.model.title}"
    refuse("heatmaps.methods", titles, "Methods", rule)
    chosen = st.pills(
        "Methods (up to four)",
        list(titles),
        selection_mode="multi",
        default=[kind.title for kind in default if kind in fitting],
        key="heatmaps.methods",
        bind="query-params",
    )
    unfit = [kind for kind in kinds if kind not in fitting]
    if unfit:
        reasons = "; ".join(sorted({kind.unmet(subject.case).rstrip(".") for kind in unfit}))
        st.pills(
            f"Not for {subject.case.model.title}: {reasons}",
            [kind.title for kind in unfit],
            disabled=True,
            key="heatmaps.unfit",
        )
    if len(chosen) > MOST_PANELS:
        st.info(f"The first {MOST_PANELS} are shown; take one away to see another.")
    return [titles[title] for title in chosen[:MOST_PANELS]]


def settings(kinds: Sequence[Kind], subject: Subject) -> list[Method[Any]]:
    """One form for each method, folded into a button over its picture."""
    for kind in kinds:
        refuse_links(kind, f"heatmaps.{kind.name}", subject.case)
    made = []
    for column, kind in zip(st.columns(len(kinds)), kinds, strict=True):
        with column, st.popover(f"{kind.title}: settings", width="stretch"):
            method = method_form(kind, f"heatmaps.{kind.name}", subject.case)
            st.caption(cost_words(method, subject))
        made.append(method)
    return made


def outcomes(methods: Sequence[Method[Any]], subject: Subject) -> list[Outcome]:
    """Each method's answer, or how far it is."""
    slots = [f"heatmaps.{method.name}" for method in methods]
    runs.leave_others("heatmaps", slots)
    if not all(known(method, precise(method, subject)) for method in methods):
        trials.leave()  # trials of other maps do not keep a map waiting
    return [
        runs.ask(method, precise(method, subject), slot)
        for method, slot in zip(methods, slots, strict=True)
    ]


def panel(method: Method[Any], outcome: Outcome) -> Panel:
    """A method's picture, or why there is none yet."""
    match outcome:
        case Pending():
            return Panel(method.title, None, "being computed …")
        case Problem(words=words):
            return Panel(method.title, None, words)
        case answer:
            fast = answer.record["case"]["precision"] == "fast"
            return Panel(method.title, answer["map"], "fast (bfloat16)" if fast else "")


def show(methods: Sequence[Method[Any]], found: Sequence[Outcome], subject: Subject) -> None:
    """The viewer, and under it what each picture is."""
    panels = [panel(method, outcome) for method, outcome in zip(methods, found, strict=True)]
    viewer(square_pixels(subject), panels, "heatmaps.viewer", square_behind(subject), subject.mask)
    answered = [
        (method, outcome)
        for method, outcome in zip(methods, found, strict=True)
        if isinstance(outcome, Answer)
    ]
    if not answered:
        return
    maps = [(method.title, answer["map"]) for method, answer in answered]
    truth.scored(maps, subject)
    on_trial(answered, subject, whole=not any(isinstance(one, Pending) for one in found))
    trials.agreement(maps)


def on_trial(
    answered: Sequence[tuple[Method[Any], Answer]], subject: Subject, *, whole: bool
) -> None:
    """What the trials of the maps say in short, and a tab for each map with all of it.

    Trials begin when the maps are whole: none of them keeps a map waiting.
    """
    short, below = st.container(), st.container(horizontal=True, vertical_alignment="center")
    with below:
        wanted = trials.wanted()
        checks = trials.settings(subject) if wanted else []
    tried = wanted and whole
    trials.leave([method for method, _ in answered] if tried else [])
    until, rows = monotonic() + trials.PATIENCE, []
    for tab, (method, answer) in zip(
        st.tabs([method.title for method, _ in answered]), answered, strict=True
    ):
        with tab:
            if tried:
                rows.append(trials.panel(method, answer, checks, subject, until))
            explain(method, answer, subject)
    if tried:
        with short:
            trials.summary(rows)
        with below:
            trials.watch(rows)
    elif wanted:
        short.caption("The maps are put on trial once all of them are there.")


def explain(method: Method[Any], answer: Answer, subject: Subject) -> None:
    """What am I looking at, how it was made, and what can be taken along."""
    if "completeness" in answer:
        total, difference = answer["completeness"].values[:2]
        st.caption(f"The map adds up to {total:.3g}; it should be {difference:.3g}.")
    if "conservation" in answer:
        total, score = answer["conservation"].values[:2]
        st.caption(f"The map adds up to {total:.3g} of {score:.3g}; biases and ε keep the rest.")
    about, take = st.columns(2, gap="large")
    with about:
        st.markdown(f"**What am I looking at?** {method.about()}")
        st.markdown(f"Unit: **{answer['map'].unit}**.")
        if method.paper:
            st.markdown(f"Reference: {method.paper}")
    with take, st.popover("Take it along", width="stretch"):
        exports.downloads(answer, subject, f"heatmaps.{method.name}")
        st.code(exports.python_call(method, subject), language="python")
    st.caption(plain(exports.provenance(answer)))
