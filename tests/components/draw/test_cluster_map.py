"""The map of clusters: marks by cluster, arrows to targets, the same axes before and after."""

from __future__ import annotations

import numpy as np
import pytest

from components.draw.cluster_map import ClusterMap
from components.report.figures import svg
from engine.result import Table

POINTS = Table.of(
    {
        "cluster": ([1, 1, 2, 3], ""),
        "clean x": ([0.0, 1.0, 5.0, 9.0], ""),
        "clean y": ([0.0, 1.0, 5.0, 0.0], ""),
        "protected x": ([5.0, 5.0, 9.0, -3.0], ""),
        "protected y": ([5.0, 5.0, 0.0, 0.0], ""),
    }
)
CENTERS = Table.of(
    {
        "target": ([2, 3, 1], ""),
        "x": ([0.5, 5.0, 9.0], ""),
        "y": ([0.5, 5.0, 0.0], ""),
        "protected x": ([5.0, 9.0, -3.0], ""),
        "protected y": ([5.0, 0.0, 0.0], ""),
    },
    ["cluster 1", "cluster 2", "cluster 3"],
)
STATES = ("clean", "protected")


def arrows(figure):
    """Start and end of each arrow, (K, 2, 2)."""
    trace = figure.data[-1]
    return np.stack([trace.x, trace.y], 1).reshape(-1, 3, 2)[:, :2]


def test_each_cluster_has_marks_of_its_own_and_its_number_at_its_center():
    figure = ClusterMap(centers=CENTERS, state="clean").figure(POINTS)
    assert [trace.name for trace in figure.data[:-1]] == list(CENTERS.rows)
    assert figure.data[0].x.tolist() == [0.0, 1.0]
    looks = {(trace.marker.color, trace.marker.symbol) for trace in figure.data[:-1]}
    assert len(looks) == 3
    assert [text for text in figure.data[-1].text if text] == ["<b>1</b>", "<b>2</b>", "<b>3</b>"]
    assert arrows(figure)[:, 0].tolist() == [[0.5, 0.5], [5, 5], [9, 0]]


def test_arrows_go_to_the_targets_or_to_where_the_cluster_has_come():
    target_arrows = ClusterMap(centers=CENTERS, state="clean").figure(POINTS)
    assert arrows(target_arrows)[:, 1].tolist() == [[5, 5], [9, 0], [0.5, 0.5]]
    come = ClusterMap(
        centers=CENTERS, state="protected", ends=("protected x", "protected y")
    ).figure(POINTS)
    assert arrows(come)[:, 1].tolist() == [[5, 5], [9, 0], [-3, 0]]
    assert come.data[1].x.tolist() == [9.0]


def test_maps_of_one_answer_have_the_same_axes_and_stand_in_a_report():
    both = [
        ClusterMap(centers=CENTERS, state=state, states=STATES).figure(POINTS) for state in STATES
    ]
    assert both[0].layout.xaxis.range == both[1].layout.xaxis.range
    low, high = both[0].layout.xaxis.range
    assert (low, high) == pytest.approx((-3 - 0.06 * 12, 9 + 0.06 * 12))
    assert svg(both[0]).startswith("<?xml")
