"""The table of the study: the better the rank in a column, the more color; numbers in each cell."""

import numpy as np
import streamlit as st

from components.notices import escape_markdown
from engine.attribution.study import StudyCase
from engine.attribution.study.findings import fineness, row_label
from engine.attribution.study.measure import RANDOM
from engine.attribution.study.ranking import Metric, by_reliability, ranked, study_metrics
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.ranking import BLUE, RankingCell, RankingHead, RankingRow, RankingTable
from engine.core.charts.words import NONE
from engine.core.result import Table

UNDER = {"seconds": "× the fastest"}  # a head's second line, where it is not the metric's name
MARKS = {1.0: "✓", 0.0: "✗"}
SIGNS = {1: " (high is good)", -1: " (low is good)", 0: ""}
ARROWS = {1: "↑", -1: "↓"}
FULL = 0.55  # how much color the best of a column has
COSTS = ("passes", "seconds")  # hardly another from image to image
READING = (
    "↑ ↓: which end is good. #: rank, the better the more color. ±: deviation from image to image. "
    "Reliability: mean rank in “points at it”, “score left”, “instability”."
)
TIME = "Times are a multiple of the fastest method's, all measured on one machine."


def drawing(case: StudyCase) -> Drawing:
    return Drawing(
        "table",
        chart=lambda result: ranking_table(result["table"]),
        finding=lambda _: f"{READING} {fineness(case)}".strip(),
        below=columns,
    )


def ranking_table(table: Table) -> RankingTable:
    ranks, metrics = ranked(table), study_metrics(table)
    visible = [metric for metric in metrics if metric.better]
    heads = [
        RankingHead("method"),
        RankingHead("reliability", "mean rank", "mean rank of three columns"),
        *map(head, visible),
    ]
    rows = [
        RankingRow(
            row_label(row),
            [reliability(ranks, row), *(cell(table, ranks, row, metric) for metric in visible)],
            "top" if row == RANDOM else "",
        )
        for row in by_reliability(table)
    ]
    names = [metric.name for metric in metrics]
    spreads = [f"{name} sd" for name in names if np.isfinite(table[f"{name} sd"]).any()]
    return RankingTable(
        "Table of the study",
        heads,
        rows,
        BLUE,
        stacked=True,
        names=tuple(map(row_label, table.rows)),
        columns=(*names, *spreads),
    )


def head(metric: Metric) -> RankingHead:
    under = f"{UNDER.get(metric.name, metric.name)} {ARROWS[metric.better]}"
    return RankingHead(metric.plainly, under, metric.about)


def reliability(ranks: Table, row: str) -> RankingCell:
    mean = ranks.cell(row, "reliability") if row in ranks.rows else float("nan")
    return RankingCell(f"{mean:.1f}" if np.isfinite(mean) else NONE, bold=True)


def cell(table: Table, ranks: Table, row: str, metric: Metric) -> RankingCell:
    name = metric.name
    value, spread = table.cell(row, name), table.cell(row, f"{name} sd")
    if not np.isfinite(value):
        return RankingCell()
    if name == "seconds":
        value /= np.nanmin(np.asarray(table[name]))
    rank = ranks.cell(row, name) if row in ranks.rows else float("nan")
    small = [f"#{rank:g}"] if np.isfinite(rank) else []
    small += [f"± {metric.text(spread)}"] if np.isfinite(spread) and name not in COSTS else []
    color = FULL * tint(rank, len(ranks.rows))
    return RankingCell(metric.text(value), " ".join(small), color)


def tint(rank: float, count: int) -> float:
    if not np.isfinite(rank) or count < 2:
        return 0.0
    return float(((count - rank) / (count - 1)) ** 1.5)


def columns(found: Views) -> None:
    with st.expander("What the columns say"):
        st.markdown(
            "\n".join(
                f"- **{metric.plainly}**, {metric.name}{SIGNS[metric.better]}: "
                f"{escape_markdown(metric.about)}."
                for metric in study_metrics(found["table"])
            )
        )
        st.caption(TIME)


def show_claims(table: Table) -> None:
    st.markdown("**What the paper concludes, and what these images say**")
    lines = []
    for words, agrees, note in zip(table.rows, table["agrees"], table.notes, strict=True):
        mark = MARKS.get(float(agrees), "–")
        outcome = {1.0: "so here", 0.0: "not so here"}.get(float(agrees), "not asked")
        lines.append(f"- {mark} **{escape_markdown(words)}**: {outcome}. {escape_markdown(note)}")
    st.markdown("\n".join(lines))
    st.caption(
        "The paper studied satellite images and large networks; these are small drawn images and "
        "small networks. What is “not so here” does not refute it: it shows that a ranking "
        "of explainers holds for the model and images it was made on."
    )
