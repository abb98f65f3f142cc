"""A view of an answer, drawn by its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from components.charts.curves import training
from components.charts.tables import as_table
from components.charts.tables import table as as_dataframe
from components.draw import tables
from components.draw.charts import Chart
from components.draw.pictures import draw_pictures
from components.draw.ranking_table import RankingTable, draw_ranking
from components.notices import plain
from engine.result import Columns, Pictures, Table, TrainLog, View

Views = Mapping[str, Any]  # an answer's, or those that are there while it is computed
Draw = Callable[[Views], object]
Words = Callable[[Views], str]
Shape = Chart | RankingTable


@dataclass(frozen=True)
class Drawing:
    """Which view of an answer is drawn, and what stands around it.

    Args:
        view: its name in the answer.
        title: above it.
        chart: which columns of a table are drawn, and how; without it the table itself is shown.
        finding: what it shows, with the figure that matters: the alt text and the caption.
        part: the part of the view that is drawn, such as some rows of a table or another table made
            of it; all if not given.
        by: draws it, where its kind's drawing does not fit.
        below: draws what belongs to it, such as the images that a row speaks of.
    """

    view: str
    title: str = ""
    chart: Shape | Callable[[Views], Shape] | None = None
    finding: Words | None = None
    part: Callable[[Any], View] | None = None
    by: Draw | None = None
    below: Draw | None = None


def draw(drawing: Drawing, result: Views, key: str) -> None:
    """One view by its kind, with its title and what belongs to it."""
    if drawing.title:
        st.markdown(f"**{plain(drawing.title)}**")
    view = result[drawing.view]
    if drawing.part:
        view = drawing.part(view)
    if (isinstance(view, Table) and not view.rows) or (isinstance(view, Columns) and not len(view)):
        st.caption("There are no figures for this here.")
    elif drawing.by:
        drawing.by(result)
    else:
        finding = drawing.finding(result) if drawing.finding else ""
        chart = drawing.chart
        shape = chart(result) if callable(chart) else chart
        by_kind(view, key, finding, shape)
    if drawing.below:
        drawing.below(result)


def by_kind(view: View, key: str, finding: str, shape: Shape | None) -> None:
    """A view as its kind is drawn."""
    match view:
        case Table() | Columns() if isinstance(shape, RankingTable):
            draw_ranking(shape, view, finding, key)
        case Table() | Columns() if isinstance(shape, Chart):
            tables.chart(shape, view, finding, key)
        case Table() | Columns():
            as_dataframe(view if isinstance(view, Table) else as_table(view), key)
            if finding:
                st.caption(plain(finding))
        case Pictures():
            draw_pictures(view, key)
        case TrainLog():
            training(view, key)
        case _:
            raise TypeError(f"{type(view).__name__} has no drawing")
