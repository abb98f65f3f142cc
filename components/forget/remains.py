"""The sections "Still there" and "Relearn": what a model that forgot still has."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components.charts import plots
from components.charts.style import COLORS, DASHES, GRAY, laid, theme
from components.charts.tables import as_table
from components.forget.asked import KEY, MODELS, WORDS, Closer, looked
from components.forget.each_image import HELD
from components.forget.request import thumb
from components.forget.verdict import left
from components.links import let_go
from components.notices import plain
from components.sidebar.subject import Subject
from components.widgets.thumbs import thumbs
from engine.result import Columns
from engine.unlearning import Relearn, StillThere

NAMES = {**{name: WORDS[name] for name in MODELS}, "untrained": "never learned anything"}


def show(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """The probe and the neighbors."""
    del subject, table
    st.markdown("**What a new last layer could still tell**")
    found = looked(closer, StillThere(), "Look what is still there")
    if found is None:
        st.caption(
            "A linear probe is taught on what each model sees before its last layer, with half of "
            "the forgotten images, and is asked about the other half."
        )
        return
    figures: Columns = found["figures"]
    tables = {"probe": as_table(figures, rows=[NAMES[name] for name in figures.rows])}
    plots.with_table(probes(figures), left(figures), tables, f"{KEY}.StillThere")
    st.caption(
        "Every model that learned to see well lets some of it be read: compare with the one that "
        "never saw them, not with 0."
    )
    neighbors(closer, found["neighbors"])


def probes(figures: Columns) -> go.Figure:
    """A bar for each model."""
    names = [NAMES[name] for name in figures.rows][::-1]
    figure = go.Figure()
    color = COLORS[theme()]
    shown = (("alike", "nearest images with its label", GRAY, "/"),
             ("probe", "found by the probe", color[0], ""))  # fmt: skip
    for name, word, ink, shape in shown:
        values = 100 * figures[name][::-1]
        figure.add_bar(
            y=names, x=values, name=word, orientation="h", text=[f"{v:.0f} %" for v in values],
            textposition="outside", cliponaxis=False,
            marker={"color": ink, "pattern": {"shape": shape}},
        )  # fmt: skip
    figure.update_xaxes(title="of the forgotten images (%)", range=[0, 114])
    figure.update_layout(barmode="group", legend={"traceorder": "reversed"})
    return laid(figure, 320)


def neighbors(closer: Closer, view: Columns) -> None:
    """The training images that lie nearest to the chosen one in the unlearned model."""
    st.markdown("**What it takes them to be like now**")
    data = closer.data
    ids = [int(number) for number in view["id"]]
    key = f"{KEY}.neighbors.of"
    held = st.session_state.get(HELD)
    first = ids.index(held) if held in ids else 0
    let_go(key, ids, ids[first])
    number = st.selectbox("Forgotten image", ids, first, key=key, format_func=lambda n: f"id {n}")
    place = ids.index(number)
    near = [int(view[name][place]) for name in view.order[1:]]
    rows = data.places(np.array([number, *near]))
    words = [data.classes[data.labels[row]] for row in rows]
    shown = [
        thumb(data, int(row), at == 0, f"{'this one' if at == 0 else f'no. {at}'}: {word}", 88)
        for at, (row, word) in enumerate(zip(rows, words, strict=True))
    ]
    thumbs(shown, "The image and its nearest", f"{KEY}.neighbors", lambda _: None)
    same = words[1:].count(words[0])
    st.caption(plain(
        f"To the unlearned model, {same} of the {len(near)} nearest training images are "
        f"{words[0]} as well."
    ))  # fmt: skip


# ---------------------------------------------------------------- relearning


def relearn(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """How soon it is all back."""
    del subject, table
    st.markdown("**How soon it is all back**")
    found = looked(closer, Relearn())
    if found is None:
        return
    words = relearn_words(found["needed"])
    tables = {"losses": as_table(found["losses"])}
    plots.with_table(losses(found["losses"]), words, tables, f"{KEY}.Relearn")
    st.caption(
        "The forgotten images are learned again, batch by batch. A model that has only hidden them "
        "has them back sooner than one that never saw them."
    )


def losses(view: Columns) -> go.Figure:
    """The loss on the forgotten images, step by step."""
    figure = go.Figure()
    color = (*COLORS[theme()][:2], GRAY)
    for at, name in enumerate(MODELS):
        figure.add_scatter(
            x=view["step"], y=view[name], name=WORDS[name], mode="lines",
            line={"color": color[at], "dash": DASHES[at], "width": 2.5},
        )  # fmt: skip
    figure.update_xaxes(title="batches learned again")
    figure.update_yaxes(title="loss on the forgotten images (nats)", rangemode="tozero")
    return laid(figure, 300)


def relearn_words(needed: Any) -> str:
    """The steps of the unlearned and of the retrained model."""
    own, goal = (needed.cell(name, "steps") for name in MODELS[1:])
    return (
        f"What was unlearned has them back {steps(own)}; the model that never saw them "
        f"{steps(goal)}."
    )


def steps(count: float) -> str:
    """In words."""
    if not np.isfinite(count):
        return "not within these steps"
    return "at once" if count == 0 else f"after {count:.0f} step{'' if count == 1 else 's'}"
