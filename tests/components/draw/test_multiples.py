"""Losses in multiples of one of each column: the best is marked, colors are powers of ten."""

from __future__ import annotations

import numpy as np
import pytest

from components.draw.multiples import multiples, short
from engine.result import Table

NAMES = ("cat", "dog", "owl")


def test_each_column_s_best_is_marked_once_and_colors_are_decades_of_its_own_base():
    values = np.full((3, 3), 10.0, np.float32)
    np.fill_diagonal(values, 0.1)
    table = Table.grid(values, NAMES, NAMES, ("logit²",) * 3)
    base = np.array([1, 10, 1e6], np.float32)
    (trace,) = multiples(table, base, "no change").figure(table).data
    marked = [[cell.startswith("★") for cell in row] for row in trace.text]
    assert (np.array(marked) == np.eye(3, dtype=bool)).all()
    assert np.array(trace.z)[:, 0] == pytest.approx([-1, 1, 1])
    assert np.array(trace.z)[:, 1] == pytest.approx([0, -2, 0])
    assert np.array(trace.z)[0, 2] == pytest.approx(-3)  # no further
    assert "10 × that of no change" in trace.hovertext[1][0]


def test_small_and_large_losses_are_written_in_few_letters():
    assert [short(value) for value in (0.0, 0.00123, 0.5, 31000.0)] == ["0", "1e−3", "0.5", "3e4"]
