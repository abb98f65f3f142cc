"""The section "Time": seconds of every way, after a warm-up, as the median of three runs."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components import runs
from components.charts import plots, tables
from components.charts.style import COLORS, GRAY, laid, theme
from components.charts.tables import as_table
from components.forget.asked import KEY, Closer
from components.forget.words import GOAL, named, time
from components.notices import plain
from components.sidebar.subject import Subject
from engine.result import Columns, Result
from engine.run import Answer
from engine.unlearning import Timing

ROW = 34  # px of a way
QUIET = 0.9  # of a core


def show(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """Asked for with its cost; then a bar for each way."""
    del subject
    st.markdown("**How long each way takes on this computer**")
    method = Timing()
    runs_of_each = method.rounds + 1
    about = runs_of_each * float(np.nansum(table["seconds"]))
    slot = f"{KEY}.Timing"
    outcome = runs.ask_when_told(method, closer.asked.board, slot, "Time every way")
    if isinstance(outcome, Answer):
        drawn(outcome["times"], outcome["machine"])
        return
    st.caption(
        f"The seconds in the table above are those of one run. Here each way, retraining too, is "
        f"run once to warm up and then {method.rounds} times, and the middle one counts: about "
        f"{about:.0f} s by the seconds above. Nothing that is kept is used."
    )
    if outcome is None:
        return
    runs.watch_growing(outcome, sofar)


def sofar(partial: Result) -> None:
    """The ways that are timed."""
    times = partial.get("times")
    if isinstance(times, Columns) and len(times):
        st.caption(plain(" · ".join(
            f"{named(way)}: {time(float(one))}"
            for way, one in zip(times.rows, times["seconds"], strict=True)
        )))  # fmt: skip


def drawn(times: Columns, machine: Columns) -> None:
    """Bars, notes and numbers."""
    names = [named(way) for way in times.rows]
    numbers = {"times": as_table(times, rows=names)}
    plots.with_table(figure(times), words(times), numbers, f"{KEY}.Timing.plot")
    for way, note in zip(names, times.notes, strict=True):
        if note:
            st.caption(plain(f"{way}: {note}"))
    st.caption(plain(machine_words(machine)))
    st.caption(
        "Measuring how well a way did is not part of its time, nor is what can be had before "
        "anybody asks (SSD's importances for all images, a pruned model). Seconds are those of "
        "this computer and its load at that time; the share of retraining's passes, in the table "
        "above, is the same everywhere."
    )


def machine_words(machine: Columns) -> str:
    """Where it was measured, and whether others took the processor away."""
    had = float(machine["seconds with a core"][0] / max(machine["seconds"][0], 1e-9))
    said = f"Measured on {machine.rows[0]}, {machine['cores'][0]:.0f} cores"
    if had >= QUIET:
        return f"{said}: the runs had a core to themselves."
    return (
        f"{said}. It was busy: the runs had {100 * had:.0f} % of a core, so their seconds are too "
        "long. The shares in the table do not depend on it."
    )


def figure(times: Columns) -> go.Figure:
    """A bar for each way, with a line from its fastest to its slowest run and the seconds."""
    order = np.argsort(np.nan_to_num(times["seconds"], nan=-1.0))
    middle = times["seconds"][order]
    names = [named(times.rows[at]) for at in order]
    color = COLORS[theme()][0]
    bars = go.Bar(
        y=names, x=middle, orientation="h",
        showlegend=False,
        marker={"color": [GRAY if times.rows[at] == GOAL else color for at in order]},
        error_x={
            "type": "data", "symmetric": False, "color": GRAY,
            "array": times["seconds highest"][order] - middle,
            "arrayminus": middle - times["seconds lowest"][order],
        },
    )  # fmt: skip
    shown = go.Figure(bars)
    ends = np.nan_to_num(times["seconds highest"][order])
    shown.add_scatter(
        y=names, x=ends, mode="text", textposition="middle right", cliponaxis=False,
        text=[f" {time(float(one))}" if np.isfinite(one) else tables.NONE for one in middle],
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    shown.update_xaxes(title="seconds (median)", range=[0, 1.25 * ends.max()])
    return laid(shown, 90 + ROW * len(times))


def words(times: Columns) -> str:
    """The fastest and the retrained."""
    whole = times.cell(GOAL, "seconds")
    return (
        f"Retraining takes {time(whole)}. "
        + "; ".join(
            f"{named(way)} {time(float(one))}"
            for way, one in zip(times.rows, times["seconds"], strict=True)
            if way not in {GOAL, "NoOp"} and np.isfinite(one)
        )
        + "."
    )
