"""What is said beside the curves of a trial is read from the end that the words name."""

from __future__ import annotations

import numpy as np
import pytest

from components.trust.charts import order_drawing, shuffled_drawing
from engine.result import Curve


def curve(*values: float) -> Curve:
    shares = np.linspace(0, 1, len(values), dtype=np.float32)
    return Curve(shares, np.array(values, np.float32), "share of the image", "likeness", "")


def test_how_alike_the_map_is_once_all_layers_are_shuffled_stands_at_the_end():
    """All curves begin at 1, with no layer shuffled."""
    drawing = shuffled_drawing({"order": curve(1, 0.6, 0.12), "ssim": curve(1, 0.7, 0.34)})
    assert "Once all are, the map's correlation with what it was is 0.12" in drawing.finding({})
    table = drawing.made({})
    assert table.units[0] == "share"
    assert [column[-1] for column in map(table.__getitem__, table.order)] == pytest.approx(
        [1, 0.12, 0.34]
    )
    drawn = {trace.name: list(trace.y) for trace in drawing.chart.figure(table).data}
    assert drawn["order (Spearman)"][-1] == np.float32(0.12)


def test_what_a_small_map_has_no_figure_for_is_not_drawn():
    drawing = shuffled_drawing({"order": curve(1, 0.6, -0.2), "ssim": curve(1, np.nan, np.nan)})
    (line,) = drawing.chart.figure(drawing.made({})).data
    assert line.name == "order (Spearman)"
    assert "is −0.20 (1: the same" in drawing.finding({})


@pytest.mark.parametrize(("way", "told"), [("insertion", "Above"), ("deletion", "Below")])
def test_where_a_map_leaves_its_copies_is_counted_on_the_side_that_is_good(way, told):
    """At both ends all orders are alike."""
    low, high = curve(0, 0.2, 0.3, 0.4, 1), curve(0, 0.4, 0.6, 0.8, 1)
    middle = curve(0, 0.5, 0.7, 0.1, 1)  # twice above, once below
    curves = {way: middle, f"{way} low": low, f"{way} high": high}
    drawing = order_drawing(curves, way)
    count = 2 if way == "insertion" else 1
    assert drawing.finding({}).startswith(f"{told} all copies")
    assert f"at {count} of 3 steps" in drawing.finding({})
    low_end, high_end = drawing.chart.span
    assert low_end < 0
    assert high_end > 1
