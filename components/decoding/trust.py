"""OPERA: the answer's attention to itself, over-trust, and where the search went back."""

from __future__ import annotations

from typing import cast

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components.charts import plots
from components.charts.style import COLORS, GRAY, MARGINS, ramp, theme
from components.charts.tables import as_table
from components.decoding.asked import KEY, Compared, Spoken
from components.decoding.measured import takes
from components.notices import plain
from engine.hallucination.opera import OPERA
from engine.hallucination.over_trust import reach
from engine.result import Columns, Field, Table


def show(_found: Compared, one: Spoken) -> None:
    """Triangle, bars and arrows; of one word there is nothing to see."""
    if len(one.tokens.words) < 2:
        st.info("A single word has no earlier word to lean on: ask for a description.")
        return
    names = [f"{at + 1}. {word}" for at, word in enumerate(one.tokens.words)]
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**The answer's attention to itself**")
        triangle(one, names)
    with right:
        st.markdown("**Over-trust of each word**")
        trust(one, names)
    rollbacks(one)


def triangle(one: Spoken, names: list[str]) -> None:
    """Rows look at columns; a bright column is a word that all later ones lean on."""
    held: Field = one.answer["self"]
    figure = go.Figure(
        go.Heatmap(
            z=held.values, x=names, y=names, colorscale=ramp(), zmin=0,
            colorbar={"title": "share", "thickness": 12},
            hovertemplate="“%{y}” looks at “%{x}”: %{z:.3f}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(fixedrange=True, tickangle=-60)
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_layout(height=460, margin=MARGINS)
    sums = np.nansum(np.tril(np.nan_to_num(held.values), -1), 0)
    most = int(sums.argmax())
    table = Table(held.values, tuple(names), tuple(names), ("",) * len(names))
    plots.with_table(
        figure,
        f"Each row: where that word looked among the words of the answer. Later words look most at "
        f"“{one.tokens.words[most]}” (word {most + 1}).",
        {"self": table}, f"{KEY}.self",
    )  # fmt: skip


def trust(one: Spoken, names: list[str]) -> None:
    """ln φ when each word was chosen; above zero it weighs."""
    held: Columns = one.answer["trust"]
    values = held["over-trust"]
    finite = np.where(np.isfinite(values), values, np.nan)
    figure = go.Figure(
        go.Scatter(
            x=names, y=finite, mode="lines+markers", marker={"size": 8},
            line={"width": 2, "color": COLORS[theme()][0]},
            hovertemplate="%{x}: ln φ = %{y:.1f}<extra></extra>",
        )
    )  # fmt: skip
    figure.add_hline(
        0, line={"dash": "dash", "width": 2, "color": GRAY},
        annotation_text="above, it weighs", annotation_position="top left",
    )  # fmt: skip
    figure.update_xaxes(fixedrange=True, tickangle=-60)
    figure.update_yaxes(title_text="over-trust, ln φ (nats)", fixedrange=True)
    figure.update_yaxes(autorangeoptions={"include": [-16, 3]})
    figure.update_layout(height=460, margin=MARGINS)
    top = int(np.nanargmax(finite)) if np.isfinite(finite).any() else 0
    column = int(held["most trusted word"][top])
    weighs = int((finite > 0).sum())
    words = (
        f"Highest at “{one.tokens.words[top]}”, which leans on “{one.tokens.words[column]}”. "
        f"{weighs} of {len(names)} words have φ above 1; far below zero it changes nothing."
    )
    rows = as_table(held, rows=names)
    plots.with_table(figure, words, {"trust": rows}, f"{KEY}.trust")
    st.markdown(f"**{plain(felt_words(one))}**")


def felt_words(one: Spoken) -> str:
    """Whether φ changes anything in this answer, and what it would take."""
    method = cast(OPERA, one.method)
    far = reach(method, one.answer.views)
    if far is None:
        return f"φ counts from word {method.early + 1} on: this answer is too short for it."
    verdict = "it is felt" if far.felt else "it is not felt"
    return (
        f"The largest φ that counts lowers a score by {far.penalty:.2g} nats: {verdict}. "
        + takes(far.words, far.share, method.scale)
    )


def rollbacks(one: Spoken) -> None:
    """How long the answer was over time, with an arrow for each time it went back."""
    if "back" not in one.answer:
        st.markdown("**It never went back**: no word was the most trusted one often enough.")
        return
    held: Columns = one.answer["back"]
    said, taken = held["said"].astype(int), held["taken back"].astype(int)
    total = len(one.tokens.words)
    figure = go.Figure()
    x, y = walk(said.tolist(), taken.tolist(), total)
    figure.add_scatter(
        x=x, y=y, mode="lines", line={"width": 3, "color": COLORS[theme()][0]}, hoverinfo="skip"
    )
    for at in range(len(said)):
        start = x[2 * at + 1]
        figure.add_annotation(
            x=start, y=int(said[at] - taken[at]), ax=start, ay=int(said[at]), xref="x", yref="y",
            axref="x", ayref="y", showarrow=True, arrowhead=2, arrowwidth=3,
            arrowcolor=COLORS[theme()][1], text="",
        )  # fmt: skip
    figure.update_xaxes(title_text="words chosen, those taken back included", fixedrange=True)
    figure.update_yaxes(title_text="length of the answer", fixedrange=True, rangemode="tozero")
    figure.update_layout(height=300, showlegend=False, margin=MARGINS)
    st.markdown(f"**It went back {len(said)} {'time' if len(said) == 1 else 'times'}**")
    more = ""
    if "rejected" in one.answer:
        rejected: Columns = one.answer["rejected"]
        pairs = zip(rejected.rows, rejected["place"].tolist(), strict=True)
        more = " It may no longer say " + ", ".join(
            f"“{plain(word)}” as word {int(place) + 1}" for word, place in pairs
        )
    plots.with_table(
        figure, f"Each arrow: so many words were taken back.{more}{'.' if more else ''}",
        {"back": as_table(held)}, f"{KEY}.back",
    )  # fmt: skip


def walk(said: list[int], taken: list[int], total: int) -> tuple[list[int], list[int]]:
    """The answer's length over words chosen: up to each going back, down, and up to the end."""
    x, y, chosen, length = [0], [0], 0, 0
    for long, less in zip(said, taken, strict=True):
        chosen += long - length
        x += [chosen, chosen]
        y += [long, long - less]
        length = long - less
    return [*x, chosen + total - length], [*y, total]
