"""In the section "What is lost": whether the model still notices what it has never seen."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components import section
from components.charts import plots
from components.charts.style import COLORS, GRAY, laid, theme
from components.draw.drawing import Drawing, Views
from components.notices import plain
from components.prune.asked import KEY, Asked
from components.prune.charts import percent
from components.section import Section
from engine.result import Table
from engine.sparsity import Unknown, agreement_only


def show(asked: Asked) -> None:
    """Whether it still notices what it has never seen; asked as soon as the rest is there."""
    section.show(
        Section(
            KEY, asked.with_rule(Unknown), asked.case, "On unknown images", columns=1,
            evidence=[Drawing("told", by=lambda found: drawn(asked, found))],
        )
    )  # fmt: skip


def drawn(asked: Asked, found: Views) -> None:
    """Both models and every detector, and what the figures rest on."""
    table: Table = found["told"]
    plots.with_table(figure_of(table), words_of(table), {"unknown images": table}, f"{KEY}.unknown")
    st.caption(counts(asked, table))
    for note in found["notes"].labels if found["notes"].values.any() else ():
        st.caption(plain(note))


def counts(asked: Asked, table: Table) -> str:
    """How many images it rests on, and that a few photographs are few."""
    known, groups = (int(one) for one in table.values[0, -3:-1])
    kinds = {row.rpartition(" · ")[0]: int(line[-1]) for row, line in rows_of(table)}
    strange = ", ".join(f"{count:,} × {plain(name)}" for name, count in kinds.items())
    if agreement_only(asked.case):
        return (
            f"Known: {known} squares cut from {groups} photographs, beside those of other "
            f"photographs that the detectors are fitted to. That is very few. Unknown: {strange}."
        )
    beside = f" in {groups:,} groups" if groups < known else ""
    return f"Known: {known:,} test images{beside}. Unknown: {strange}."


def rows_of(table: Table) -> list[tuple[str, Any]]:
    """Each row with its name."""
    return list(zip(table.rows, table.values, strict=True))


def figure_of(table: Table) -> go.Figure:
    """How often unknown images score above known ones: both models, one field for each kind."""
    from plotly.subplots import make_subplots

    parted = [row.rpartition(" · ") for row in table.rows]
    kinds = list(dict.fromkeys(kind for kind, _, _ in parted))
    figure = make_subplots(
        rows=len(kinds), cols=1, shared_xaxes=True, vertical_spacing=0.24 / len(kinds),
        subplot_titles=[escape(kind) for kind in kinds],
    )  # fmt: skip
    for place, kind in enumerate(kinds, start=1):
        own = [at for at, (name, _, _) in enumerate(parted) if name == kind][::-1]
        names = [parted[at][2] for at in own]
        for trace in marks(names, 100 * table.values[own, :2], legend=place == 1):
            figure.add_trace(trace, row=place, col=1)
    figure.add_vline(x=50, line={"color": GRAY, "dash": "dot", "width": 2})
    figure.update_xaxes(range=[-2, 102])
    figure.update_xaxes(title="AUROC (%); dotted: chance", row=len(kinds), col=1)
    laid(figure, 130 + 40 * len(table.rows))
    return figure.update_layout(legend={"y": 1.12}, margin={"t": 60})


def marks(names: list[str], shares: Any, *, legend: bool) -> list[go.Scatter]:
    """The two models' marks for each detector, with what lies between them."""
    color = COLORS[theme()]
    line = {"color": GRAY, "width": 3}
    found = [
        go.Scatter(
            x=row, y=[name, name], mode="lines", line=line, showlegend=False, hoverinfo="skip"
        )
        for name, row in zip(names, shares, strict=True)
    ]
    looks = (("whole model", color[0], "circle"), ("pruned", color[1], "square"))
    for place, (name, ink, symbol) in enumerate(looks):
        look = {"color": ink, "symbol": symbol, "size": 11}
        found.append(
            go.Scatter(
                x=shares[:, place], y=names, name=name, mode="markers", marker=look,
                showlegend=legend, legendgroup=name,
            )
        )  # fmt: skip
    return found


def words_of(table: Table) -> str:
    """What became of it, in a sentence; rows without figures are said."""
    there = np.asarray(np.isfinite(table.values[:, :2]).all(1))
    dense, pruned, _, low, high = table.values[there, :5].T
    missing = int(np.count_nonzero(~there))
    none = f" {missing} of {len(table.rows)} have no figure." if missing else ""
    if not there.any():
        return "No figure can be had." + none
    flags = 100 * table.values[there, 5:7].mean(0)
    return (
        f"On average an unknown image scores above a known one {percent(dense.mean())} of the time "
        f"in the whole model and {percent(pruned.mean())} in the pruned one (100 %: always, 50 %: "
        f"chance). Of {len(dense)} pairs of images and detector it is surely worse (95 % interval "
        f"below 0) in {int((high < 0).sum())} and surely better in {int((low > 0).sum())}. To find "
        f"95 % of the unknown images, {flags[0]:.0f} % of the known ones would be flagged before "
        f"and {flags[1]:.0f} % now (FPR95).{none}"
    )
