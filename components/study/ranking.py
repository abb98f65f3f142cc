"""The table of the study: the better the rank in a column, the more color; numbers in each cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from components.charts import tables
from components.draw.ranking_table import (
    BLUE,
    RankingCell,
    RankingHead,
    RankingRow,
    RankingTable,
)
from components.notices import plain
from components.study.form import KEY, StudyQuestion
from engine.attribution.study import METRICS, NAMED, SOURCES, TITLES
from engine.attribution.study.measure import RANDOM
from engine.attribution.study.ranking import TRUSTED, Metric, best, ranked
from engine.result import Table

HEADS = {
    "pointing game": "points at it",
    "relevance mass": "mass on it",
    "relevance rank": "strongest on it",
    "AUC-MoRF": "score left",
    "max-sensitivity": "instability",
    "PNG size": "size",
    "cross-label cosine": "label does not matter",
    "passes": "cost",
    "seconds": "time",
}
UNDER = {"seconds": "× the fastest"}  # a head's second line, where it is not the metric's name
MARKS = {1.0: "✓", 0.0: "✗"}
SIGNS = {1: "high is good", -1: "low is good"}
ARROWS = {1: "↑", -1: "↓"}
FULL = 0.55  # how much color the best of a column has
COSTS = ("passes", "seconds")  # hardly another from image to image


def named(row: str) -> str:
    """A row's name for a person."""
    return TITLES.get(row, row)


def listed(names: list[str]) -> str:
    """Names in a sentence."""
    words = [named(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def sentence(asked: StudyQuestion, table: Table) -> str:
    """Which are the most reliable here."""
    ranks = ranked(table)
    known = np.isfinite(ranks["reliability"])
    if not known.any():
        return "No method has all the figures that reliability is made of."
    count = min(3, int(known.sum()))
    first = best(ranks.rows, np.where(known, ranks["reliability"], np.inf), count)
    what = "scenes" if asked.case.source.startswith("scenes") else "phantom slices"
    what += "" if asked.case.source in SOURCES else " that the network gets wrong"
    return f"On these {len(asked.case.images)} {what}, rely first on {listed(first)}."


def beside_paper(table: Table) -> str:
    """How that compares with what the paper found."""
    if not all(name in table.rows for name in TITLES):
        return "The paper's ranking is of all ten methods; this study has fewer."
    ranks = ranked(table)
    first = best(ranks.rows, ranks["reliability"], 3)
    agreed = [name for name in first if name in TRUSTED]
    told = f"{listed(agreed)} of its three is among them" if len(agreed) == 1 else (
        f"{listed(agreed)} are among them" if agreed else "none of the three is among them"
    )  # fmt: skip
    return f"The paper found {listed([*TRUSTED])} the most reliable: {told}."


def show(asked: StudyQuestion, table: Table) -> None:
    """The table, what its columns say, and its numbers."""
    st.html(as_html(table))
    st.caption(
        "↑ high is good, ↓ low is good. Every cell: the mean over all maps; below it the rank in "
        "its column and the deviation from image to image. The better the rank, the more color. "
        "Reliability is the mean rank in “points at it”, “score left” and “instability”. Time is "
        "told as a multiple of the fastest method's, all measured on one machine. "
        f"{fineness(asked)}"
    )
    with st.expander("What the columns say"):
        st.markdown("\n".join(map(about, METRICS)))
    names = [metric.name for metric in METRICS]
    spreads = [f"{name} sd" for name in names if np.isfinite(table[f"{name} sd"]).any()]
    shown = replace(table.select([*names, *spreads]), rows=tuple(map(named, table.rows)))
    tables.numbers({f"{KEY}.table": shown})


def fineness(asked: StudyQuestion) -> str:
    """How fine the maps of Grad-CAM are beside the things; "" where it is not asked."""
    case, last = asked.case, asked.case.model.last_map
    if last is None or "GradCam" not in {method.name for method in case.methods}:
        return ""
    rows, columns = last.cells
    cell = case.model.side / max(rows, columns)
    thing = float(np.median([np.sqrt(mask.sum()) for one in case.images for mask in one.masks]))
    what = "thing" if asked.case.source.startswith("scenes") else "lesion"
    told = (
        f"Grad-CAM's maps are the network's last ones: {rows} × {columns} cells of {cell:.0f} px, "
        f"only smoothed to the picture's size. A {what} covers as much as a square of "
        f"{thing:.0f} px"
    )
    if thing < 2 * cell:
        return f"{told}, hardly more than one cell: its peak can lie beside the {what}."
    return f"{told}, several cells."


def about(metric: Metric) -> str:
    """One column in a line."""
    head = HEADS.get(metric.name, metric.name)
    sign = f" ({SIGNS[metric.better]})" if metric.better else ""
    return f"- **{head}**, {metric.name}{sign}: {plain(metric.about)}."


def rows_in_order(table: Table) -> list[str]:
    """Methods from the most reliable, then the random order."""
    ranks = ranked(table)
    reliable = np.where(np.isfinite(ranks["reliability"]), ranks["reliability"], np.inf)
    own = best(ranks.rows, reliable, len(ranks.rows))
    return [*own, *(row for row in table.rows if row not in own)]


def as_html(table: Table) -> str:
    """A row for each method, the most reliable first; below them the random order."""
    ranks = ranked(table)
    heads = [
        RankingHead("method"),
        RankingHead("reliability", "mean rank", "mean rank of three columns"),
        *(head(NAMED[name]) for name in HEADS),
    ]
    rows = [
        RankingRow(
            named(row),
            [reliability(ranks, row), *(cell(table, ranks, row, name) for name in HEADS)],
            "top" if row == RANDOM else "",
        )
        for row in rows_in_order(table)
    ]
    return RankingTable("Table of the study", heads, rows, BLUE, stacked=True).html()


def head(metric: Metric) -> RankingHead:
    """The head of a metric's column, with which end is good."""
    under = f"{UNDER.get(metric.name, metric.name)} {ARROWS[metric.better]}"
    return RankingHead(HEADS[metric.name], under, metric.about)


def reliability(ranks: Table, row: str) -> RankingCell:
    """The mean rank of a method."""
    mean = ranks.cell(row, "reliability") if row in ranks.rows else float("nan")
    return RankingCell(f"{mean:.1f}" if np.isfinite(mean) else tables.NONE, bold=True)


def cell(table: Table, ranks: Table, row: str, name: str) -> RankingCell:
    """One figure, its rank and its deviation."""
    value, spread = table.cell(row, name), table.cell(row, f"{name} sd")
    if not np.isfinite(value):
        return RankingCell()
    if name == "seconds":
        value /= np.nanmin(np.asarray(table[name]))
    rank = ranks.cell(row, name) if row in ranks.rows else float("nan")
    small = [f"#{rank:g}"] if np.isfinite(rank) else []
    small += [f"± {number(spread, name)}"] if np.isfinite(spread) and name not in COSTS else []
    color = FULL * tint(rank, len(ranks.rows))
    return RankingCell(number(value, name), " ".join(small), color)


def tint(rank: float, count: int) -> float:
    """How much color a rank has, from 0 for the last to 1 for the best."""
    if not np.isfinite(rank) or count < 2:
        return 0.0
    return float(((count - rank) / (count - 1)) ** 1.5)


def number(value: float, name: str) -> str:
    """A figure as a person reads it; of seconds, the multiple of the fastest method's."""
    match NAMED[name].unit:
        case "bytes" | "images":
            said = f"{value:,.0f}"
        case "s":
            said = f"{value:,.0f} ×" if value >= 9.5 else f"{value:.1f} ×"
        case "share" if name != "AUC-MoRF":
            said = f"{100 * value:.0f} %"
        case _:
            said = f"{value:.2f}".removeprefix("-" if round(value, 2) == 0 else "")
    return said.replace("-", "−")


def claims(found: Table) -> None:
    """The paper's conclusions beside ours."""
    st.markdown("**What the paper concludes, and what these images say**")
    lines = []
    for words, agrees, note in zip(found.rows, found["agrees"], found.notes, strict=True):
        mark = MARKS.get(float(agrees), "–")
        told = {1.0: "so here", 0.0: "not so here"}.get(float(agrees), "not asked")
        lines.append(f"- {mark} **{plain(words)}**: {told}. {plain(note)}")
    st.markdown("\n".join(lines))
    st.caption(
        "The paper studied satellite images and large networks; these are small drawn images and "
        "small networks. What is “not so here” does not refute it: it shows that a ranking "
        "of explainers holds for the model and images it was made on."
    )
