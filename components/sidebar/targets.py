"""What is asked about the image: which class, against which, how it is scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from components.links import let_go, refuse
from components.widgets.bars import Bar, bars
from engine.case.prediction import best
from engine.case.target import OF_FINDINGS, READINGS, Reading, Target
from engine.device import PRECISIONS
from engine.method import Precision
from engine.models.classifier import Classifier
from engine.models.own_file import OWN
from engine.models.zero_shot import ZERO_SHOT
from engine.result import Scores

MOST_SEED = 9999
ONE_OF_MANY = "Probability (softmax, not calibrated). Click a bar to ask about that class."
OF_WORDS = (
    "Probability among your words alone (softmax of similarity times the model's scale, not "
    "calibrated). Click a bar to ask about that word."
)
SEVERAL = (
    "Several findings at once: the bars do not add up to 100 %. From 50 % on, the model's makers "
    "count a finding as there. Click a bar to ask about it."
)


def choose_target(scores: Scores, model: Classifier) -> Target:
    """The class asked about: the model's first word, a clicked bar, or any by name."""
    labels = list(model.labels)
    top = best(scores)
    above = st.container()  # the bars stand first, but need what is chosen below them
    refuse("target", labels, "Ask about", f"a class of {model.title}")
    named = st.selectbox(
        "Ask about",
        labels,
        index=None,
        placeholder=f"{labels[top[0][0]]} (the model's first)",
        key="target",
        bind=linked(model),
    )
    index = labels.index(named) if named else top[0][0]
    others = [label for label in labels if label != labels[index]]
    refuse("versus", others, "Rather than", f"another class of {model.title}")
    rather = st.selectbox(
        "Rather than",
        others,
        index=None,
        placeholder="anything else",
        key="versus",
        bind=linked(model),
        help="Explain the difference between two classes: why this rather than that.",
    )
    rows = [Bar(i, label, value, chosen=i == index) for i, label, value in top]
    if index not in {row.index for row in rows}:
        rows.append(Bar(index, labels[index], float(scores.values[index]), chosen=True))
    with above:
        bars(rows, "subject.bars", lambda picked: st.session_state.update(target=labels[picked]))
        st.caption(meaning(model))
    return Target(index, labels.index(rather) if rather else None)


def meaning(model: Classifier) -> str:
    """What the model's bars mean."""
    if model.points:
        return SEVERAL
    return OF_WORDS if model.name.startswith(ZERO_SHOT) else ONE_OF_MANY


def linked(model: Classifier) -> Literal["query-params"] | None:
    """Whether links have the class: not where its name comes from a file of the visitor's."""
    return None if model.name.startswith(OWN) else "query-params"


def choose_numbers(model: Classifier) -> tuple[Reading, Precision, int]:
    """Reading, precision and seed, folded away; what a link asks wrongly is said in the open."""
    offered = PRECISIONS if model.offers_fast else PRECISIONS[:1]
    readings = OF_FINDINGS if model.points else READINGS
    refuse("reading", readings, "Read the score as", "one of " + ", ".join(readings))
    let_go("reading", readings)
    refuse("precision", offered, "Precision", " or ".join(offered))
    refuse("seed", is_seed, "Seed", f"a whole number from 0 to {MOST_SEED}")
    with st.expander("How it is scored"):
        return numbers(readings, offered)


def numbers(
    readings: Sequence[Reading], offered: Sequence[Precision]
) -> tuple[Reading, Precision, int]:
    """Reading, precision and seed."""
    reading = st.segmented_control(
        "Read the score as",
        readings,
        default="logit",
        required=True,
        key="reading",
        bind="query-params",
        help=(
            "Logit: the model's raw score, which keeps moving when the probability is near one. "
            "Probability: softmax, or of the finding itself where there are several. Margin: the "
            "logit less the best other class's."
        ),
    )
    precision = st.segmented_control(
        "Precision",
        offered,
        default="exact",
        required=True,
        key="precision",
        bind="query-params",
        help=(
            "Exact: float32. Fast: bfloat16 for methods that only look at the model's answers; "
            "good for exploring, not for figures. Fast results are labeled and kept apart."
        ),
    )
    seed = st.number_input("Seed", 0, MOST_SEED, 0, key="seed", bind="query-params")
    return reading, precision, int(seed)


def is_seed(asked: str) -> bool:
    """Whether a word from a link is a seed."""
    return asked.isdecimal() and int(asked) <= MOST_SEED
