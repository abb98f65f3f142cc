"""The parts of the Heatmaps view: pick methods, set them, read their maps."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components import runs, together
from components.draw.maps import draw_maps, first_screen, map_panel
from components.exports import python_call
from components.forms import method_form, pick_methods, refuse_links
from components.heatmaps import outlines, truth
from components.notices import escape_markdown
from components.runs import Outcome, Pending
from components.section import Section, show_answer
from components.sidebar.subject import Subject, cost_words, precise
from components.together import Answers
from components.trust import trials
from components.widgets.as_seen import MOST_PANELS
from components.widgets.viewer import Panel, hottest_ninth
from components.widgets.wording import how_alike
from engine.core import run
from engine.core.charts.words import signed
from engine.core.method import Method
from engine.core.pictures import extent, is_flat
from engine.core.result import Floats
from engine.core.run import Answer
from engine.evaluation.measures.agreement import matrix
from engine.evaluation.trust import Check
from engine.vision.case.prediction import Prediction
from engine.vision.case.target import Target

KEY = "heatmaps"
Kind = type[Method[Any]]


def pick(kinds: Sequence[Kind], subject: Subject, default: Sequence[Kind]) -> list[Kind]:
    """Up to four methods; those that do not fit the model are gray, with the reason."""
    model = subject.case.model.title
    return pick_methods(
        "Methods (up to four)",
        kinds,
        subject.case,
        f"{KEY}.methods",
        first=default,
        most=MOST_PANELS,
        name="Methods",
        rule=f"among those offered for {model}",
        unfit=f"Not for {model}",
    )


def settings(kinds: Sequence[Kind], subject: Subject) -> list[Method[Any]]:
    for kind in kinds:
        refuse_links(kind, f"{KEY}.{kind.name}", subject.case)
    methods = []
    for column, kind in zip(st.columns(max(len(kinds), 1)), kinds, strict=False):
        with column, st.popover(f"{kind.title}: settings", width="stretch"):
            method = method_form(kind, f"{KEY}.{kind.name}", subject.case)
            st.caption(cost_words(method, subject))
        methods.append(method)
    return methods


def show(
    methods: Sequence[Method[Any]], checks: Sequence[Check], subject: Subject, rest: DeltaGenerator
) -> None:
    """The maps side by side, below each what its trials say; in `rest`, all else of each.

    Trials begin when the maps are whole: none of them keeps a map waiting.
    """
    runs.leave_others(KEY, [f"{KEY}.{method.name}" for method in methods])
    if not all(run.kept_answer(method, precise(method, subject)) for method in methods):
        trials.drop_trials()  # trials of other maps do not keep a map waiting
    sections = {method.title: section(method, subject) for method in methods}
    st.markdown(f"**{escape_markdown(question_sentence(subject))}**")
    outcomes = together.ask_all(sections)
    answers = together.answers_of(outcomes)
    if answers:
        st.header(escape_markdown(sentence(answers)))
    picture = first_screen(len(outcomes), KEY)
    runs.watch(list(outcomes.values()))
    whole = not any(isinstance(pending, Pending) for pending in outcomes.values())
    tried = [method for method in methods if method.title in answers] if checks and whole else []
    trials.drop_trials(tried)
    with rest:
        map_trials = in_tabs(sections, answers, checks if whole else [], subject)
        if checks and answers and not whole:
            st.caption("The maps are put on trial once all of them are there.")
        maps = [(title, answer["map"]) for title, answer in answers.items()]
        outlines.draw(answers, subject, methods)
        truth.show_scores(answers, subject)
        trials.agreement(maps)
    with picture:
        panels = [
            panel(title, outcome, map_trials.get(title)) for title, outcome in outcomes.items()
        ]
        draw_maps(panels, subject, f"{KEY}.viewer")


def in_tabs(
    sections: Mapping[str, Section], answers: Answers, checks: Sequence[Check], subject: Subject
) -> dict[str, trials.Trial]:
    map_trials: dict[str, trials.Trial] = {}
    until = monotonic() + trials.PATIENCE
    for title, answer in together.tabs(answers):
        if checks:
            map_trials[title] = trials.map_trial(
                sections[title].method, answer, checks, subject, until
            )
        added_up(answer)
        foreign = subject.in_distribution.foreign if checks else False
        notes = trials.report_sentences(map_trials[title], withheld=foreign) if checks else ()
        show_answer(replace(sections[title], notes=notes), answer)
    trials.watch(list(map_trials.values()))
    return map_trials


def section(method: Method[Any], subject: Subject) -> Section:
    return Section(
        KEY,
        method,
        precise(method, subject),
        known=subject.arguments,
        script=None if subject.second else lambda: python_call(method, subject),
    )


def panel(title: str, outcome: Outcome, trial: trials.Trial | None) -> Panel:
    if not isinstance(outcome, Answer):
        return map_panel(title, outcome)
    fast = outcome.record["case"]["precision"] == "fast"
    notes = [trials.trust_line(trial)] if trial else []
    return Panel(title, outcome["map"], ". ".join(["Fast (bfloat16)"] * fast + notes))


def added_up(answer: Mapping[str, Any]) -> None:
    if "completeness" in answer:
        total, difference = answer["completeness"].values[:2]
        st.caption(f"The map adds up to {total:.3g}; it should be {difference:.3g}.")
    if "conservation" in answer:
        total, score = answer["conservation"].values[:2]
        st.caption(f"The map adds up to {total:.3g} of {score:.3g}; biases and ε keep the rest.")


# ---------------------------------------------------------------- sentences


def question_sentence(subject: Subject) -> str:
    case = subject.case
    model = case.model.lineage.trail
    if other := subject.second:
        model = other.asked.model.lineage.trail
        return f"Which parts of the image make it similar to “{other.title}” for {model}?"
    words = case.target.words(case.model.labels)
    prediction = run.kept_answer(Prediction(), replace(case.at("exact"), target=Target(0), seed=0))
    several = ", several findings at once" if case.model.points else ""
    value = None if prediction is None else 100 * prediction["classes"].values[case.target.index]
    share = "" if value is None else f" ({value:.0f} %{several})"
    return f"Which parts of the image speak for “{words}”{share} in {model}?"


def sentence(answers: Answers) -> str:
    maps = [(title, answer["map"].values) for title, answer in answers.items()]
    places = ", ".join(where(title, values) for title, values in maps)
    pairs = matrix(maps).values[np.triu_indices(len(maps), 1)]
    if not np.isfinite(pairs).any():
        return f"{places}."
    word = "rank correlation" if len(pairs) == 1 else "mean rank correlation"
    mean = float(np.nanmean(pairs))
    return f"{places}; they {how_alike(mean)} ({word} {signed(mean)})."


def where(title: str, values: Floats) -> str:
    flat = is_flat(*extent(values))
    return f"{title} is flat" if flat else f"{title} points to the {hottest_ninth(values)}"
