"""Forgetting against keeping, and the dials of ways that have one."""

from collections.abc import Mapping

import numpy as np

from components.draw.drawing import draw
from components.forget.asked import KEY, MethodDetail, Rows
from components.forget.verdict import closest_method
from components.forget.words import BEFORE, GOAL, row_label
from engine.core import run
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.charts.trade_off import TradeOff
from engine.core.result import Table
from engine.unlearning import AfterCase, Frontier

FORGETS, KEEPS = "forgets as retraining does (%)", "keeps as it does (%)"


def frontier(detail: MethodDetail) -> Rows:
    def trade_off(_: Views | None = None) -> None:
        draw(all_ways(detail), {"table": detail.table}, f"{KEY}.frontier")

    if detail.method.dial is None:
        trade_off()
        return []
    button = f"Turn the dial of {row_label(detail.method.label)}"
    return [
        [detail.section(Frontier(), ALONG, button=button, picture=trade_off, waiting=trade_off)]
    ]


def all_ways(detail: MethodDetail) -> Drawing:
    paths: dict[str, Table] = {}
    for method in detail.question.case.methods:
        if result := run.kept_answer(Frontier(), AfterCase(detail.case.case, method)):
            paths[method.label] = by_dial(result["points"])
    shape = TradeOff(
        x="forgetting",
        y="keeping",
        goal=GOAL,
        large=detail.method.label,
        faint=(BEFORE,),
        paths=paths,
        names=[row_label(way) for way in detail.table.rows],
        x_title=FORGETS,
        title=KEEPS,
    )
    return Drawing("table", "", shape, lambda result: finding(result["table"], paths))


def by_dial(points: Table) -> Table:
    dial = points[points.order[0]]
    return points.take([int(at) for at in np.argsort(dial, kind="stable") if np.isfinite(dial[at])])


def finding(table: Table, paths: Mapping[str, Table]) -> str:
    words = "The upper right corner is the retrained model."
    if way := closest_method(table):
        words += f" {row_label(way)} comes nearest."
    if paths:
        words += f" Dotted: {', '.join(map(row_label, paths))} as its dial is turned."
    return words


def dial_finding(result: Views) -> str:
    points = by_dial(result["points"])
    both = np.minimum(points["forgetting"], points["keeping"])
    if not np.isfinite(both).any():
        return "No place on the dial gave numbers."
    at, dial = int(np.nanargmax(both)), points.order[0]
    return (
        f"Nearest to retraining at {dial} = {points[dial][at]:g}: it forgets "
        f"{100 * points['forgetting'][at]:.0f} % as retraining does and keeps "
        f"{100 * points['keeping'][at]:.0f} %."
    )


ALONG = Drawing(
    "points",
    "Along its dial",
    lambda result: Lines(
        x=result["points"].order[0],
        series={"forgetting": FORGETS, "keeping": KEEPS},
        title="%",
        span=(-4, 104),
    ),
    dial_finding,
    part=by_dial,
)
