"""A score while parts of an image are shown or hidden in order, over the band of other orders."""

from collections.abc import Mapping
from typing import Any

from engine.core.charts.curves import PROBABILITY, as_columns
from engine.core.charts.drawing import Drawing
from engine.core.charts.lines import Lines
from engine.core.result import Curve

WAYS: Mapping[str, tuple[str, str]] = {  # title, and what is good
    "insertion": ("Only these shown (insertion)", "high is good"),
    "deletion": ("These hidden (deletion)", "low is good"),
}


def along_order(
    way: str,
    curves: Mapping[str, Curve],
    band: tuple[Curve, Curve] | None,
    others: str,
    finding: str,
    **chart: Any,
) -> Drawing:
    """One of the two ways.

    Args:
        way: "insertion" or "deletion".
        curves: by their names in the legend, the order's own first.
        band: the lowest and the highest of the other orders.
        others: what the other orders are.
        finding: what it shows.
        chart: more about the lines, see `Lines`.
    """
    curve = next(iter(curves.values()))
    ends = (f"lowest of {others}", f"highest of {others}")
    table = as_columns({**curves, **dict(zip(ends, band or (), strict=False))})
    chart = {"span": PROBABILITY if curve.unit == "probability" else None} | chart
    lines = Lines(
        x=curve.x_label,
        series={name: name for name in curves},
        title=curve.unit,
        bands={next(iter(curves)): (*ends, others)} if band else {},
        **chart,
    )
    return Drawing(way, WAYS[way][0], lines, lambda _: finding, made=lambda _: table)
