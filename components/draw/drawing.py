"""A view of an answer, drawn by its kind."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import streamlit as st

from components.charts import curves
from components.charts.tables import show_table as as_dataframe
from components.draw import tables
from components.draw.checkpoint import draw_checkpoint
from components.draw.fields import FieldChart, draw_field
from components.draw.grids import draw_grids
from components.draw.heat_maps import OverPicture, draw_heat_map
from components.draw.pictures import draw_pictures
from components.draw.ranking_table import draw_ranking
from components.draw.timeline import Frames, draw_timeline
from components.draw.tokens import WordMarks, draw_tokens
from components.draw.weight_scores import draw_weight_scores
from components.notices import escape_markdown
from engine.core.charts.chart import Chart
from engine.core.charts.curves import all_lines, as_columns
from engine.core.charts.drawing import Drawing, DrawnAs, Views, empty, exhibit, view_of
from engine.core.charts.matrix import Matrix
from engine.core.charts.panels import Panels
from engine.core.charts.ranking import RankingTable
from engine.core.charts.scores import as_rows, score_bars
from engine.core.result import (
    Checkpoint,
    Curve,
    Evidence,
    Field,
    Grids,
    HeatMap,
    Path,
    Pictures,
    Ranking,
    Scores,
    Table,
    Tokens,
    TrainLog,
    View,
    WeightScores,
)

StyleT = TypeVar("StyleT", OverPicture, FieldChart, WordMarks, Frames)
SIDE = 3  # panels side by side on a telephone


def draw(drawing: Drawing, result: Views, key: str) -> None:
    if drawing.title:
        st.markdown(f"**{escape_markdown(drawing.title)}**")
    view = view_of(drawing, result)
    if empty(view):
        st.caption("There are no figures for this here.")
    elif drawing.by:
        drawing.by(result)
    else:
        displayed = exhibit(drawing, result)
        by_kind(view, key, displayed.finding, displayed.shape)
    if drawing.below:
        drawing.below(result)


def by_kind(view: View, key: str, finding: str, shape: DrawnAs | None) -> None:
    for kinds, drawer in DRAWERS.items():
        if isinstance(view, kinds):
            drawer(view, key, finding, shape)
            return
    raise TypeError(f"{type(view).__name__} has no drawing")


def draw_table(view: Table, key: str, finding: str, shape: DrawnAs | None) -> None:
    match shape:
        case RankingTable():
            draw_ranking(shape, view, finding, key)
        case Chart():
            tables.draw_chart(shape, view, finding, key, wide=scrolled(shape))
        case _:
            as_dataframe(view, key)
            if finding:
                st.caption(escape_markdown(finding))


def scrolled(shape: Chart) -> bool:
    return isinstance(shape, Matrix) or (isinstance(shape, Panels) and len(shape.panels) > SIDE)


def draw_curve(view: Curve, key: str, finding: str, shape: DrawnAs | None) -> None:
    table = as_columns({view.y_label: view})
    draw_table(table, key, finding, shape or all_lines(table))


def draw_rows(
    view: Scores | Ranking | Evidence, key: str, finding: str, shape: DrawnAs | None
) -> None:
    if (rows := as_rows(view)) is not None:
        usual = None if isinstance(view, Evidence) else score_bars(view)
        draw_table(rows, key, finding, shape or usual)


def draw_log(view: TrainLog, key: str, _finding: str, _shape: DrawnAs | None) -> None:
    curves.training(view, key)
    if view.done:
        curves.fold_numbers(view, key)


def styled(shape: DrawnAs | None, kind: type[StyleT]) -> StyleT:
    return shape if isinstance(shape, kind) else kind()


DRAWERS: Mapping[Any, Callable[[Any, str, str, DrawnAs | None], None]] = {
    Table: draw_table,
    Curve: draw_curve,
    Scores | Ranking | Evidence: draw_rows,
    HeatMap: lambda view, key, finding, shape: draw_heat_map(
        view, key, finding, styled(shape, OverPicture)
    ),
    Field: lambda view, key, finding, shape: draw_field(
        view, key, finding, styled(shape, FieldChart)
    ),
    Tokens: lambda view, key, finding, shape: draw_tokens(
        view, finding, key, styled(shape, WordMarks)
    ),
    Path: lambda view, key, finding, shape: draw_timeline(
        view, key, finding, styled(shape, Frames)
    ),
    Pictures: lambda view, key, _finding, _shape: draw_pictures(view, key),
    TrainLog: draw_log,
    Checkpoint: lambda view, key, _finding, _shape: draw_checkpoint(view, key),
    WeightScores: lambda view, key, finding, _shape: draw_weight_scores(view, key, finding),
    Grids: lambda view, key, finding, _shape: draw_grids(view, key, finding),
}
