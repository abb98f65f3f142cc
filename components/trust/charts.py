"""Drawings of the trials of a map."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from components.draw.drawing import draw
from components.draw.orders import WAYS, along_order
from engine.core.charts.curves import as_columns
from engine.core.charts.drawing import Drawing
from engine.core.charts.lines import Lines, Scatter
from engine.core.charts.words import signed
from engine.core.result import Curve, Result, Table

HEIGHT = 300  # px
COPIES = "copies of the map elsewhere"
MEASURED = {"order": "order (Spearman)", "ssim": "structure of the sizes (SSIM)"}


def draw_order_curves(result: Result, key: str) -> None:
    curves = {name: view for name, view in result.items() if isinstance(view, Curve)}
    for place, way in zip(st.columns(2, gap="large"), WAYS, strict=True):
        with place:
            draw(order_drawing(curves, way), result, f"{key}.{way}")


def order_drawing(curves: Mapping[str, Curve], way: str) -> Drawing:
    map_curve, low, high = (curves[f"{way}{end}"] for end in ("", " low", " high"))
    heights = np.concatenate([curve.y for curve in curves.values()])
    room = 0.05 * float(np.ptp(heights))
    inner = slice(1, -1)  # at both ends all orders are alike
    beyond = map_curve.y > high.y if way == "insertion" else map_curve.y < low.y
    words = (
        f"{'Above' if way == 'insertion' else 'Below'} all copies of the map, turned, mirrored or "
        f"moved over the image, at {int(beyond[inner].sum())} of {len(map_curve.x) - 2} steps "
        "between "
        f"none and all. A good map is {'above' if way == 'insertion' else 'below'} the gray band."
    )
    return along_order(
        way,
        {"this map": map_curve},
        (low, high),
        COPIES,
        words,
        height=HEIGHT,
        span=(float(heights.min()) - room, float(heights.max()) + room),
    )


def draw_shuffling(result: Result, key: str) -> None:
    draw(shuffled_drawing(result), result, key)


def shuffled_drawing(result: Result) -> Drawing:
    views = {title: result[name] for name, title in MEASURED.items()}
    curves = {title: view for title, view in views.items() if isinstance(view, Curve)}
    table = as_columns(curves, x_unit="share")
    series = {name: name for name, curve in curves.items() if np.isfinite(curve.y[1:]).any()}
    low = min(0.0, *(float(np.nanmin(curve.y)) for curve in curves.values()))
    last = float(curves[MEASURED["order"]].y[-1])
    words = (
        "From the last layer on, layers are shuffled. Once all are, the map's correlation with "
        f"what it was is {signed(last)} (1: the same, 0: unrelated, −1: the opposite)."
    )
    chart = Lines(
        x=table.order[0], series=series, title="alike", span=(low - 0.05, 1.05), height=HEIGHT
    )
    return Drawing("order", "", chart, lambda _: words, made=lambda _: table)


def predicted(result: Result, key: str) -> None:
    words = (
        "Each mark is a square that was hidden: to the right what the map holds in it, upwards how "
        "far the score fell without it; below the line it rose. Where the map predicts the falls, "
        "the marks lie along a line through zero that rises."
    )
    squares = result["squares"]
    assert isinstance(squares, Table)  # noqa: S101  # the trial gives it
    unit = squares.units[squares.order.index("fell")]
    chart = Scatter(
        x="map",
        y="fell",
        x_title="what the map holds in the square",
        title=f"fall of the score ({unit})",
        line=0.0,
        height=HEIGHT,
    )
    draw(Drawing("squares", "", chart, lambda _: words), result, key)
