"""What is asked about the image: which class, against which, how it is scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from components.links import refuse
from components.widgets.bars import Bar, bars
from engine.case.prediction import best
from engine.case.target import READINGS, Reading, Target
from engine.device import PRECISIONS
from engine.method import Precision
from engine.models.classifier import Classifier
from engine.models.own_file import OWN
from engine.result import Scores

MOST_SEED = 9999


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
        st.caption("Probability (softmax, not calibrated). Click a bar to ask about that class.")
    return Target(index, labels.index(rather) if rather else None)


def linked(model: Classifier) -> Literal["query-params"] | None:
    """Whether links have the class: not where its name comes from a file of the visitor's."""
    return None if model.name.startswith(OWN) else "query-params"


def choose_numbers(model: Classifier) -> tuple[Reading, Precision, int]:
    """Reading, precision and seed, folded away; what a link asks wrongly is said in the open."""
    offered = PRECISIONS if model.offers_fast else PRECISIONS[:1]
    refuse("reading", READINGS, "Read the score as", "one of " + ", ".join(READINGS))
    refuse("precision", offered, "Precision", " or ".join(offered))
    refuse("seed", is_seed, "Seed", f"a whole number from 0 to {MOST_SEED}")
    with st.expander("How it is scored"):
        return numbers(offered)


def numbers(offered: Sequence[Precision]) -> tuple[Reading, Precision, int]:
    """Reading, precision and seed."""
    reading = st.segmented_control(
        "Read the score as",
        READINGS,
        default="logit",
        required=True,
        key="reading",
        bind="query-params",
        help=(
            "Logit: the model's raw score, which keeps moving when the probability is near one. "
            "Probability: softmax. Margin: the logit less the best other class's."
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
