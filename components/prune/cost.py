"""The section "Cost and speed": what could be saved, and what is."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from components import measurement
from components.draw import tables
from components.measurement import MeasurementOnDemand
from components.notices import escape_markdown
from components.prune.asked import KEY, PruneQuestion, pruned_model
from components.section import Section
from engine.core.charts.bars import Bars, Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.facets import Facets
from engine.core.charts.words import percent
from engine.core.result import Table
from engine.sparsity import Masks
from engine.sparsity.effects.latency import (
    Latency,
    contenders,
    latency,
    no_sparse_cores,
    timing_table,
)

COUNTED = {
    "dense": "whole model",
    "theoretical": "zeros skipped (theory)",
    "realisable": "channels taken out (real)",
}
TIMES = Facets(
    chart=Dots(
        series={"median": "median"},
        intervals={"median": ("low", "high")},
        title="ms",
        beside=("ratio", "× {:.2f}"),
    ),
    shared=False,
)
WHY = (
    "**Why masked is about as slow as whole:** a zero is multiplied like any other number. Time is "
    "saved only when channels are really taken out, or when the hardware skips zeros in a pattern "
    "it knows (2:4)."
)


def show(question: PruneQuestion, masks: Masks) -> None:
    Section(
        KEY,
        question.method,
        question.case,
        "What is saved",
        explained=False,
        evidence=[
            Drawing(
                "cost",
                chart=operations,
                part=in_millions,
                finding=lambda result: saved(result["cost"], masks),
            )
        ],
    ).show()
    st.markdown("**Measured time**")
    st.markdown(WHY)
    if reason := no_sparse_cores(question.case.model, masks):
        st.caption(escape_markdown(f"2:4 is not measured: {reason}"))
    pruned = pruned_model(question, masks)
    times: MeasurementOnDemand[tuple[Latency, ...]] = MeasurementOnDemand(
        f"{KEY}.latency",
        "Measured time",
        f"latency {question.case.model.fingerprint} {masks.digest}",
        question.case.lane,
        lambda progress: latency(question.case.model, contenders(pruned, masks), progress=progress),
        "Measure the time here",
    )
    measurement.show(
        times,
        lambda rows: tables.draw_chart(TIMES, timing_table(rows), faster(rows), f"{KEY}.latencies"),
    )


def share_saved(cost: Table, row: str) -> float:
    return 1 - cost.cell(row, "count") / cost.cell("dense", "count")


def in_millions(cost: Table) -> Table:
    counts = np.array([cost.cell(row, "count") for row in COUNTED]) / 1e6
    return Table.of({"multiply-adds": (counts, "millions")}, tuple(COUNTED.values()))


def operations(result: Views) -> Bars:
    counts = in_millions(result["cost"])["multiply-adds"]
    return Bars(
        value="multiply-adds",
        title="multiply-adds of one image (millions)",
        texts=[f"{count:,.3g} M" for count in counts],
        span=(0, 1.15 * float(counts.max())),
    )


def saved(cost: Table, masks: Masks) -> str:
    share = (masks.total - masks.kept) / cost.cell("weights", "count")
    return (
        f"{percent(share)} of all weights are cut, head, biases and norms counted in. If every "
        f"zero were skipped, {percent(share_saved(cost, 'theoretical'))} of the multiply-adds "
        "would be saved; by taking out silent channels "
        f"{percent(share_saved(cost, 'realisable'))} are."
    )


def faster(rows: Sequence[Latency]) -> str:
    ratios = {(row.batch, row.name): row.ratio for row in rows}
    speeds = [
        f"{batch} at a time: masked × {ratios[batch, 'masked']:.2f}, channels taken out × "
        f"{ratios[batch, 'channels taken out']:.2f}"
        for batch in dict.fromkeys(row.batch for row in rows)
    ]
    return (
        f"Speed beside the whole model (above 1 is faster). {'; '.join(speeds)}. Median and "
        f"quartiles of {min(row.repeats for row in rows)} or more turns; × is the median of the "
        "ratios turn by turn, which a busy computer moves less than the times."
    )
