"""Forgetting against keeping, and the dials of ways that have one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from components import section
from components.draw import tables
from components.draw.drawing import Drawing
from components.draw.lines import Lines
from components.draw.trade_off import TradeOff
from components.forget.asked import KEY, Closer
from components.forget.verdict import best
from components.forget.words import BEFORE, GOAL, named
from components.section import Section
from engine import run
from engine.result import Columns
from engine.unlearning import Frontier

FORGETS, KEEPS = "forgets as retraining does (%)", "keeps as it does (%)"


def show(closer: Closer) -> None:
    """Every way as a point, and the dial of the one that is looked at."""
    st.markdown("**Forgetting against keeping**")
    chart = st.container()
    if closer.method.dial is not None:
        label = f"Turn the dial of {named(closer.method.label)}"
        section.show(
            Section(KEY, Frontier(), closer.case, evidence=[ALONG], columns=1, button=label)
        )
    paths: dict[str, Columns] = {}
    for method in closer.asked.methods:
        if found := run.known(Frontier(), Closer(closer.asked, method, closer.table).case):
            paths[method.label] = by_dial(found["points"])
    with chart:
        trade_off(closer, paths)


def trade_off(closer: Closer, paths: Mapping[str, Columns]) -> None:
    """Forgetting to the right, keeping upwards; the retrained model is in the corner."""
    shape = TradeOff(
        x="forgetting", y="keeping", goal=GOAL, large=closer.method.label, faint=(BEFORE,),
        paths=paths, names=[named(way) for way in closer.table.rows], x_title=FORGETS, title=KEEPS,
    )  # fmt: skip
    tables.chart(shape, closer.table, finding(closer.table, paths), f"{KEY}.frontier")


def by_dial(points: Columns) -> Columns:
    """The places along the dial in its order, without those that have no value on it."""
    dial = points[points.order[0]]
    return points.take([int(at) for at in np.argsort(dial, kind="stable") if np.isfinite(dial[at])])


def finding(table: Columns, paths: Mapping[str, Columns]) -> str:
    """How to read it."""
    words = "The upper right corner is the retrained model."
    if way := best(table):
        words += f" {named(way)} comes nearest."
    if paths:
        words += f" Dotted: {', '.join(map(named, paths))} as its dial is turned."
    return words


def dial_finding(points: Columns) -> str:
    """Where on the dial both goals are nearest."""
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
    "points", "Along its dial",
    lambda found: Lines(
        x=found["points"].order[0], series={"forgetting": FORGETS, "keeping": KEEPS},
        title="%", span=(-4, 104),
    ),
    lambda found: dial_finding(by_dial(found["points"])),
    part=by_dial,
)  # fmt: skip
