"""A view of an answer, drawn by its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from components.charts import curves
from components.charts.tables import as_table
from components.charts.tables import table as as_dataframe
from components.draw import tables
from components.draw.charts import Chart
from components.draw.checkpoint import draw_checkpoint
from components.draw.curves import all_lines, as_columns
from components.draw.fields import FieldChart, draw_field
from components.draw.grids import draw_grids
from components.draw.heat_maps import OverPicture, draw_heat_map
from components.draw.matrix import Matrix
from components.draw.pictures import draw_pictures
from components.draw.scores import as_rows, scored
from components.draw.tokens import WordMarks, draw_tokens
from components.draw.weight_scores import draw_weight_scores
from components.notices import plain
from engine.result import (
    Checkpoint,
    Columns,
    Curve,
    Evidence,
    Field,
    Grids,
    HeatMap,
    Pictures,
    Ranking,
    Scores,
    Table,
    Tokens,
    TrainLog,
    View,
    WeightScores,
)

Views = Mapping[str, Any]  # an answer's, or those that are there while it is computed
Draw = Callable[[Views], object]
Words = Callable[[Views], str]
DrawnAs = Chart | OverPicture | FieldChart | WordMarks  # how a table, a map … is drawn


@dataclass(frozen=True)
class Drawing:
    """Which view of an answer is drawn, and what stands around it.

    Args:
        view: its name in the answer.
        title: above it.
        chart: which columns of a table are drawn, and how; without it the table itself is shown.
            Of a map: over which picture.
            Of words, what is known of each.
        finding: what it shows, with the figure that matters: the alt text and the caption.
        part: the part of the view that is drawn, such as some rows of a table or another table made
            of it; all if not given.
        made: what is drawn, where it is made of several views, such as curves beside each other.
        by: draws it, where its kind's drawing does not fit.
        below: draws what belongs to it, such as the images that a row speaks of.
    """

    view: str
    title: str = ""
    chart: DrawnAs | Callable[[Views], DrawnAs] | None = None
    finding: Words | None = None
    part: Callable[[Any], View] | None = None
    made: Callable[[Views], View] | None = None
    by: Draw | None = None
    below: Draw | None = None


def draw(drawing: Drawing, result: Views, key: str) -> None:
    """One view by its kind, with its title and what belongs to it."""
    if drawing.title:
        st.markdown(f"**{plain(drawing.title)}**")
    view = drawing.made(result) if drawing.made else result[drawing.view]
    if drawing.part:
        view = drawing.part(view)
    if empty(view):
        st.caption("There are no figures for this here.")
    elif drawing.by:
        drawing.by(result)
    else:
        finding = drawing.finding(result) if drawing.finding else ""
        chart = drawing.chart
        shape = chart if chart is None or isinstance(chart, DrawnAs) else chart(result)
        by_kind(view, key, finding, shape)
    if drawing.below:
        drawing.below(result)


def empty(view: View) -> bool:
    """Whether a table has no rows."""
    return not len(view) if isinstance(view, Columns) else isinstance(view, Table) and not view.rows


def by_kind(view: View, key: str, finding: str, shape: DrawnAs | None) -> None:
    """A view as its kind is drawn."""
    match view:
        case Curve():
            table = as_columns({view.y_label: view})
            by_kind(table, key, finding, shape or all_lines(table))
        case Table() | Columns() if isinstance(shape, Chart):
            tables.chart(shape, view, finding, key, wide=isinstance(shape, Matrix))
        case Table() | Columns():
            as_dataframe(view if isinstance(view, Table) else as_table(view), key)
            if finding:
                st.caption(plain(finding))
        case Scores() | Ranking() | Evidence() if (rows := as_rows(view)) is not None:
            usual = None if isinstance(view, Evidence) else scored(view)
            by_kind(rows, key, finding, shape or usual)
        case HeatMap():
            how = shape if isinstance(shape, OverPicture) else OverPicture()
            draw_heat_map(view, key, finding, how)
        case Field():
            draw_field(view, key, finding, shape if isinstance(shape, FieldChart) else FieldChart())
        case Pictures():
            draw_pictures(view, key)
        case TrainLog():
            curves.training(view, key)
            if view.done:
                curves.numbers(view)
        case Checkpoint():
            draw_checkpoint(view, key)
        case WeightScores():
            draw_weight_scores(view, key, finding)
        case Grids():
            draw_grids(view, key, finding)
        case Tokens():
            marks = shape if isinstance(shape, WordMarks) else WordMarks()
            draw_tokens(view, finding, key, marks)
        case _:
            raise TypeError(f"{type(view).__name__} has no drawing")
