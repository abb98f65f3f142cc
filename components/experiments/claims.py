"""What an experiment found: how many claims hold, each claim, and the figures behind them."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components.charts import plots
from components.charts.style import COLORS, SYMBOLS, laid, theme, wrapped
from components.charts.tables import as_table
from components.notices import plain
from engine.experiment import HOLDS, NOT_HERE, UNDECIDED, spread
from engine.result import Columns
from engine.run import Answer

MARKS = {HOLDS: "✓", NOT_HERE: "✗", UNDECIDED: "?"}
OUTCOMES = {HOLDS: "holds", NOT_HERE: "not so here", UNDECIDED: "undecided"}
ROW, FRAME = 56, 120  # px: of a condition, and around them


def headline(found: Answer) -> str:
    """How many of the paper's claims hold, and with how many seeds that was decided."""
    seeds = len(set(found["runs"]["seed"].tolist()))
    outcomes = found["claims"]["outcome"].tolist()
    words = f"{outcomes.count(HOLDS)} of {len(outcomes)} claims of the paper hold here"
    if open_ones := outcomes.count(UNDECIDED):
        words += f", {open_ones} undecided"
    return f"{words} ({seeds} seed{'s' if seeds > 1 else ''})."


def list_claims(claims: Columns) -> None:
    """A line for each claim: outcome, what it was taken to mean, and by how much it is so."""
    lines = [line(claims, row) for row in range(len(claims))]
    st.markdown("\n".join(lines))
    if UNDECIDED in claims["outcome"].tolist():
        st.caption("Undecided: the seeds differ too much, or there is only one. More may decide.")


def line(claims: Columns, row: int) -> str:
    """One claim in Markdown."""
    outcome = int(claims["outcome"][row])
    margin, tolerance = 100 * claims["margin"][row], 100 * claims["tolerance"][row]
    within = f" ± {tolerance:.1f}" if np.isfinite(tolerance) else ""
    by_how_much = f"margin {margin:+.1f}{within} points".replace("-", "−")
    return (
        f"- {MARKS[outcome]} **{plain(claims.rows[row])}**: {OUTCOMES[outcome]}. "
        f"Taken to mean {plain(claims.notes[row])}; {by_how_much}."
    )


def draw_dots(table: Columns, measures: tuple[str, ...], key: str) -> None:
    """A mark for each condition and measure, with the standard deviation over seeds."""
    colors = COLORS[theme()]
    figure = go.Figure()
    for at, name in enumerate(measures):
        deviations = 100 * np.nan_to_num(table[spread(name)])
        figure.add_scatter(
            y=[wrapped(row) for row in table.rows], x=100 * table[name], name=name,
            mode="markers", error_x={"array": deviations, "visible": bool(deviations.any())},
            marker={"size": 12, "symbol": SYMBOLS[at], "color": colors[at % len(colors)]},
        )  # fmt: skip
    figure.update_xaxes(title="% of images", range=[-4, 104])
    figure.update_yaxes(autorange="reversed", type="category")
    laid(figure, FRAME + ROW * len(table))
    plots.with_table(figure, sentence(table, measures[0]), {"table": as_table(table)}, key)


def sentence(table: Columns, measure: str) -> str:
    """One measure under every condition."""
    values = [f"{row} {100 * table.cell(row, measure):.0f} %" for row in table.rows]
    return f"{measure[:1].upper()}{measure[1:]}, by what was learned: {', '.join(values)}."
