"""What is asked about the image: which class, against which, how it is scored."""

from collections.abc import Collection
from typing import Final, Literal

import streamlit as st

from components.case_form import CaseForm
from components.links import refusals_here
from components.notices import escape_markdown
from components.own_words import may_link
from components.widgets.bars import Bar, bar_widget
from engine.core.device import PRECISIONS
from engine.core.method import Precision
from engine.core.result import Scores
from engine.vision.case import ImageCase
from engine.vision.case.prediction import top_classes
from engine.vision.case.target import OF_FINDINGS, READINGS, Reading, Target
from engine.vision.models.classifier import Classifier
from engine.vision.models.zero_shot import ZERO_SHOT

ONE_OF_MANY = "Probability (softmax, not calibrated). Click a bar to ask about that class."
OF_WORDS = (
    "Probability among your words alone (softmax of similarity times the model's scale, not "
    "calibrated). Click a bar to ask about that word."
)
SEVERAL = (
    "Several findings at once: the bars do not add up to 100 %. From 50 % on, the model's makers "
    "count a finding as there. Click a bar to ask about it."
)

Part = Literal["target", "versus", "reading", "precision", "seed"]
EVERYTHING: Final[frozenset[Part]] = frozenset({"target", "versus", "reading", "precision", "seed"})


def show_top_class(scores: Scores) -> None:
    """The model's first word, where a view asks about the image and not about a class."""
    (_, label, share), *_ = top_classes(scores, 1)
    st.markdown(f"It says **{escape_markdown(label)}** ({100 * share:.0f} %).")


def choose_target(scores: Scores, model: Classifier, asks: Collection[Part] = EVERYTHING) -> Target:
    st.header("What the model says")
    labels = list(model.labels)
    top = top_classes(scores)
    above = st.container()  # the bars stand first, but need what is chosen below them
    linked = may_link(model)
    form = CaseForm(ImageCase, beside={"model": model}, kept=True)
    chosen_label = form.ask(
        "target",
        "search",
        placeholder=f"{labels[top[0][0]]} (the model's first)",
        rule=f"a class of {model.title}",
        linked=linked,
    )
    index = labels.index(chosen_label) if chosen_label else top[0][0]
    form.given["target"] = labels[index]
    versus_label = None
    if "versus" in asks:
        versus_label = form.ask(
            "versus",
            "search",
            placeholder="anything else",
            rule=f"another class of {model.title}",
            linked=linked,
        )
    rows = [Bar(i, label, value, chosen=i == index) for i, label, value in top]
    if index not in {row.index for row in rows}:
        rows.append(Bar(index, labels[index], float(scores.values[index]), chosen=True))
    with above:
        bar_widget(
            rows, "subject.bars", lambda picked: st.session_state.update(target=labels[picked])
        )
        st.caption(meaning(model))
    return Target(index, labels.index(versus_label) if versus_label else None)


def meaning(model: Classifier) -> str:
    if model.points:
        return SEVERAL
    return OF_WORDS if model.name.startswith(ZERO_SHOT) else ONE_OF_MANY


def choose_numbers(
    model: Classifier, asks: Collection[Part] = EVERYTHING
) -> tuple[Reading, Precision, int]:
    """Reading, precision and seed, folded away; what a link asks wrongly is said in the open."""
    form = CaseForm(ImageCase, kept=True)
    offered = PRECISIONS if model.offers_fast else PRECISIONS[:1]
    readings = OF_FINDINGS if model.points else READINGS
    reading, precision, seed = READINGS[0], PRECISIONS[0], 0
    if not {"reading", "precision", "seed"}.intersection(asks):
        return reading, precision, seed
    with refusals_here(), st.expander("How it is scored"):
        if "reading" in asks:
            reading = form.ask("reading", "segments", only=lambda option: option.name in readings)
        if "precision" in asks:
            precision = form.ask(
                "precision", "segments", only=lambda option: option.name in offered
            )
        if "seed" in asks:
            seed = form.ask("seed")
    return reading, precision, seed
