"""Cells that are off are grayed and crossed out, and counted."""

from __future__ import annotations

import numpy as np

from components.draw.crossed import DROPPED, SHADE, crossed, crossed_out


def test_only_cells_that_are_off_are_grayed():
    pixels = np.full((64, 64, 3), 50, np.uint8)
    grid = np.ones((8, 8), bool)
    grid[2, 5] = False
    grayed = crossed(pixels, grid)
    cell = grayed.shape[0] // 8
    changed = (grayed != 50).any(-1)
    where = np.zeros_like(changed)
    where[2 * cell : 3 * cell, 5 * cell : 6 * cell] = True
    assert (changed == where).all()
    middle = grayed[2 * cell + cell // 2, 5 * cell + 2]
    assert np.abs(middle - ((1 - SHADE) * 50 + SHADE * DROPPED)).max() <= 1


def test_each_grid_has_its_picture_and_its_count():
    grids = np.ones((2, 8, 8), bool)
    grids[1, :2] = False
    view = crossed_out(np.zeros((64, 64, 3), np.uint8), grids, "Layer", "tokens", "what is seen")
    assert view.images.shape[:2] == (1, 2)
    assert view.columns == ("Layer 1", "Layer 2")
    assert view.captions == ("64 of 64 tokens", "48 of 64 tokens")
