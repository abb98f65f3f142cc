"""Seconds of every way, after a warm-up, as the median of three runs."""

from dataclasses import replace

import numpy as np
import streamlit as st

from components.forget.asked import KEY, MethodDetail, Rows
from components.forget.words import BEFORE, GOAL, row_label, time
from components.notices import escape_markdown
from components.section import Section
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.result import Table
from engine.unlearning import Timing

QUIET = 0.9  # of a core


def seconds(detail: MethodDetail) -> Rows:
    method = Timing()
    estimate = (method.rounds + 1) * float(np.nansum(detail.table["seconds"]))
    return [
        [
            Section(
                KEY,
                method,
                detail.question.case,
                evidence=[TIMES],
                detail=show_notes,
                button="Time every way",
                before="The seconds in the table above are those of one run. Here each way, "
                f"retraining too, is run once to warm up and then {method.rounds} times, and the "
                f"middle one counts: about {estimate:.0f} s by the seconds above. Nothing that is "
                "kept is used.",
            )
        ]
    ]


def named_ways(times: Table) -> Table:
    order = np.argsort(np.nan_to_num(times["seconds"], nan=np.inf), kind="stable").tolist()
    return replace(times, rows=tuple(row_label(way) for way in times.rows)).take(order)


def finding(result: Views) -> str:
    times: Table = result["times"]
    others = [
        f"{row_label(way)} {time(float(duration))}"
        for way, duration in zip(times.rows, times["seconds"], strict=True)
        if way not in {GOAL, BEFORE} and np.isfinite(duration)
    ]
    return "; ".join([f"Retraining takes {time(times.cell(GOAL, 'seconds'))}", *others]) + "."


TIMES = Drawing(
    "times",
    "",
    Dots(
        series={"seconds": "seconds"},
        intervals={"seconds": ("seconds lowest", "seconds highest")},
        title="seconds (median; line: fastest to slowest run)",
    ),
    finding,
    part=named_ways,
)


def show_notes(result: Views) -> None:
    times: Table = result["times"]
    lines = [
        f"{row_label(way)}: {note}"
        for way, note in zip(times.rows, times.notes, strict=True)
        if note
    ]
    for words in (
        *lines,
        machine_words(result["machine"]),
        "Measuring how well a way did is not part of its time, nor is what can be had before "
        "anybody asks (SSD's importances for all images, a pruned model). Seconds are those of "
        "this computer and its load at that time; the share of retraining's passes, in the table "
        "above, is the same everywhere.",
    ):
        st.caption(escape_markdown(words))


def machine_words(machine: Table) -> str:
    core_share = float(machine["seconds with a core"][0] / max(machine["seconds"][0], 1e-9))
    words = f"Measured on {machine.rows[0]}, {machine['cores'][0]:.0f} cores"
    if core_share >= QUIET:
        return f"{words}: the runs had a core to themselves."
    return (
        f"{words}. It was busy: the runs had {100 * core_share:.0f} % of a core, so their seconds "
        "are too long. The shares in the table do not depend on it."
    )
