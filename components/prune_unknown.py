"""In the section "What is lost": whether the model still notices what it has never seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components import charts, runs
from components.charts import GRAY
from components.familiar_charts import COLORS, laid, theme
from components.mask_charts import percent
from components.notices import plain
from components.prune_asked import KEY, Asked
from engine.result import Table
from engine.run import Answer
from engine.sparsity import Unknown, agreement_only


def show(asked: Asked) -> None:
    """Whether it still notices what it has never seen; asked as soon as the rest is there."""
    st.markdown("**On unknown images**")
    outcome = runs.ask(asked.with_rule(Unknown), asked.case, f"{KEY}.Unknown")
    if not isinstance(outcome, Answer):
        runs.watch([outcome])
        return
    table: Any = outcome["told"]
    charts.with_table(
        figure_of(table), words_of(table), {"unknown images": table},
        f"{KEY}.unknown",
    )  # fmt: skip
    st.caption(counts(asked, table))
    for note in outcome["notes"].labels if outcome["notes"].values.any() else ():
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
    """How often unknown images score above known ones: the whole model, and the pruned one."""
    dense, pruned = (100 * table.values[::-1, at] for at in (0, 1))
    names = [charts.wrapped(row) for row in table.rows[::-1]]
    color = COLORS[theme()]
    figure = go.Figure()
    for name, one, other in zip(names, dense, pruned, strict=True):
        line = {"color": GRAY, "width": 3}
        figure.add_scatter(
            x=[one, other], y=[name, name], mode="lines", line=line, showlegend=False,
            hoverinfo="skip",
        )  # fmt: skip
    rows = ((dense, "whole model", color[0], "circle"), (pruned, "pruned", color[1], "square"))
    for values, name, ink, symbol in rows:
        look = {"color": ink, "symbol": symbol, "size": 11}
        figure.add_scatter(x=values, y=names, name=name, mode="markers", marker=look)
    figure.add_vline(x=50, line={"color": GRAY, "dash": "dot", "width": 2})
    figure.update_xaxes(
        title="unknown image scores above a known one (AUROC, %; dotted: chance)", range=[-2, 102]
    )
    return laid(figure, 110 + 34 * len(names))


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
