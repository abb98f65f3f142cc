"""The section "Confusion" of the Forget view: what the models take the images for."""

from __future__ import annotations

import numpy as np
import streamlit as st

from components.draw.matrix import Matrix
from components.draw.tables import chart
from components.forget.asked import KEY, MODELS, WORDS, Closer, looked
from components.links import refuse
from components.sidebar.subject import Subject
from engine.result import Columns, Table
from engine.unlearning import Confusion

IMAGES = ("test", "forgotten", "retained")


def show(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """What each model takes images of each class for."""
    del subject, table
    st.markdown("**What the three models take the images for**")
    key = f"{KEY}.Confusion.of"
    refuse(key, IMAGES, "Images", "one of " + ", ".join(IMAGES))
    of = st.segmented_control(
        "Images", IMAGES, default="test", required=True, key=key, bind="query-params"
    )
    found = looked(closer, Confusion(of=of))
    if found is None:
        return
    for column, name in zip(st.columns(3), MODELS, strict=True):
        counts: Table = found[name]
        with column:
            st.markdown(f"{WORDS[name].capitalize()}")
            words = confused_words(closer, counts)
            chart(confused(counts), counts, words, f"{KEY}.Confusion.{name}")


def confused(counts: Table) -> Matrix:
    """Rows are labels, columns what the model says; each row colored by its shares."""
    values = counts.values
    shares = values / np.maximum(values.sum(1, keepdims=True), 1)
    return Matrix(
        colors=100 * shares, span=(0, 100), height=300, title="label", x_title="the model says",
        texts=[[f"{count:.0f}" if count else "" for count in row] for row in values],
        hovers=[
            [
                f"{label} is called {answer}: {100 * share:.0f} %"
                for answer, share in zip(counts.columns, row, strict=True)
            ]
            for label, row in zip(counts.rows, shares, strict=True)
        ],
    )  # fmt: skip


def confused_words(closer: Closer, counts: Table) -> str:
    """Where the forgotten class goes, or how many are right."""
    label, values = closer.asked.case.request.label, counts.values
    if label is None or not values[label].sum():
        share = np.trace(values) / max(values.sum(), 1)
        return f"{100 * share:.0f} % of {values.sum():.0f} images are told right."
    row = values[label]
    most = int(row.argmax())
    return (
        f"{row[label]:.0f} of {row.sum():.0f} images of “{counts.rows[label]}” are still called "
        f"so; most often it says “{counts.columns[most]}” ({row[most]:.0f} times)."
    )
