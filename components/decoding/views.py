"""MVP: three descriptions, the paths of an answer from each, and what decides."""

from __future__ import annotations

from typing import cast

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components.charts import plots
from components.charts.style import COLORS, theme
from components.charts.tables import as_table, table
from components.decoding.asked import KEY, Compared, Spoken
from components.decoding.scenes import counted
from components.dialog.answer_words import tidy
from components.notices import plain
from engine.hallucination.chair import mentions
from engine.hallucination.mvp import MVP, VIEWS
from engine.hallucination.rates import ScenesCase
from engine.hallucination.tiny_vlm.model import TinyVLM
from engine.hallucination.tiny_vlm.scenes import THINGS
from engine.hallucination.views_ablation import ViewsAblation
from engine.result import Columns

SCENES = 50  # over which views are left out
SHAPES = ("", "/", ".")
ANSWERS = {1.0: "yes", 0.0: "no"}


def show(found: Compared, one: Spoken) -> None:
    """Three cards with their paths, then the sum."""
    paths: Columns = one.answer["paths"]
    for column, (at, name) in zip(st.columns(3), enumerate(VIEWS), strict=True):
        with column, st.container(border=True):
            st.markdown(f"**{name.capitalize()}** (weight {weights(one)[at]:.2g})")
            st.markdown(f"“{plain(tidy(one.answer[name].text))}”")
            st.caption(caption_words(found, one.answer[name].words))
            for row in np.flatnonzero(paths["view"] == at).tolist():
                st.markdown(path_words(paths, row))
    st.markdown("**What decides**")
    decided(one, paths)
    ablation(found, one)


def weights(one: Spoken) -> tuple[float, ...]:
    """Of the three views."""
    held: tuple[float, ...] = getattr(one.method, "weights")  # noqa: B009  # only MVP has them
    return held


def caption_words(found: Compared, words: tuple[str, ...]) -> str:
    """What a description makes up."""
    if found.shown.scene is None:
        return "What is truly there is not known."
    there = [thing.category for thing in found.shown.scene.things if thing.opacity > 0]
    made_up = dict.fromkeys(one.node for one in mentions(words, there, THINGS) if not one.true)
    return f"✗ made up: {', '.join(made_up)}" if made_up else "✓ makes up nothing"


def path_words(paths: Columns, row: int) -> str:
    """One path: how likely it begins, what it says, and how surely."""
    first = 100 * float(paths["probability"][row])
    says = ANSWERS.get(float(paths["says yes"][row]), "neither")
    sure = float(paths["certainty"][row])
    told = f"{100 * sure:.0f} % sure" if np.isfinite(sure) else "it counts as yes"
    return (
        f"{first:.0f} % “{plain(tidy(paths.notes[row]))}” → **{says}**, {told}, "
        f"adds {float(paths['adds'][row]):.3f}"
    )


def ablation(found: Compared, one: Spoken) -> None:
    """What each view adds over many questions, folded away."""
    method = ViewsAblation()
    case = ScenesCase(cast(TinyVLM, found.case.vlm), cast(MVP, one.method), SCENES)
    with st.expander("What does each view add?"):
        if answer := counted(method, case, f"{KEY}.views"):
            held: Columns = answer["views"]
            st.markdown(plain(ablation_words(held)))
            table(as_table(held), f"{KEY}.views.table", whole=True)
        st.markdown(method.about())


def ablation_words(held: Columns) -> str:
    """All views against the best with fewer, and against none."""
    *fewer, everything, none = held.rows
    best = max(fewer, key=lambda name: held.cell(name, "right"))
    rights = [100 * held.cell(name, "right") for name in (everything, best, none)]
    return (
        f"Right answers to {held.cell(everything, 'questions'):.0f} questions: all three views "
        f"{rights[0]:.0f} %; with fewer, best is {best} with {rights[1]:.0f} %; without any "
        f"description {rights[2]:.0f} %."
    )


def decided(one: Spoken, paths: Columns) -> None:
    """Yes and no as sums of paths."""
    figure = go.Figure()
    says = np.where(paths["says yes"] == 0, "no", "yes")
    for at, name in enumerate(VIEWS):
        mine = paths["view"] == at
        figure.add_bar(
            y=says[mine], x=paths["adds"][mine], name=name, orientation="h",
            marker={"color": COLORS[theme()][at], "pattern": {"shape": SHAPES[at]},
                    "line": {"width": 1, "color": "#000"}},
            hovertext=[paths.notes[row] for row in np.flatnonzero(mine)],
            hovertemplate=f"{name}: %{{hovertext}}, %{{x:.3f}}<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(categoryorder="array", categoryarray=["no", "yes"], fixedrange=True)
    figure.update_xaxes(title_text="score", fixedrange=True)
    figure.update_layout(
        barmode="stack", height=230, margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )  # fmt: skip
    yes, no = one.answer["scores"].values.tolist()
    rows = [f"{list(VIEWS)[int(view)]}: {word}" for view, word in zip(paths["view"], paths.rows)]  # noqa: B905
    plots.with_table(
        figure,
        f"Yes {yes:.3f}, no {no:.3f}. Each piece is a path: how likely its first word was, times "
        "how sure its yes or no was, times the weight of its description.",
        {"paths": as_table(paths, rows=rows)}, f"{KEY}.paths",
    )  # fmt: skip
