"""The grid of walks: each cell in its place, its words true, its labels text."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from components.widgets.image_grid import CELL, GAP, MARGIN, as_html, as_png, cells, finding
from engine.result import Path
from tests.components.level_sets.results import CORNERS, HOSTILE, grid
from tests.visits import unfolded


def test_rows_are_targets_and_columns_are_sources():
    cell = cells(grid())[2][0]
    assert (cell.target, cell.source) == ("cup", "cat")
    assert cell.pixels[0, 0] == pytest.approx(CORNERS[2], abs=1)
    assert cell.words == "End of the walk from cat to cup: probability of cat 0.99, ✓ class kept"


def test_a_lost_class_is_marked_in_words():
    cell = cells(grid())[0][1]
    assert cell.mark == "✗ class lost"
    assert as_html(grid()).count("✗ class lost</span>") == 1
    assert "5 of 6 walks kept that class, lowest probability 0.20." in finding(cells(grid()))


def test_labels_are_text():
    html = as_html(grid())
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;" in html
    assert len(re.findall(r"<img ", html)) == 9 + 3 + 3


def test_every_cell_says_its_finding_and_every_heading_its_scope():
    html = as_html(grid(labels=("cat", "palace", "cup")))
    assert len(re.findall(r'alt="[^"]+probability[^"]+"', html)) == 9
    assert html.count('scope="col"') == html.count('scope="row"') == 3


def test_a_value_that_is_not_known_is_a_dash():
    result = dict(grid())
    values = result["images"].values.copy()
    values[1] = np.nan
    result["images"] = Path(result["images"].frames, values, "probability")
    cell = cells(result)[0][1]
    assert cell.mark == "no value"
    assert "nan" not in as_html(result)
    assert "lowest probability 0.99" not in finding([[cell]])


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_file_holds_every_picture_at_its_place(count):
    result = grid(tuple(f"class number {at}" for at in range(count)), lost=())
    picture = np.asarray(Image.open(io.BytesIO(as_png(result))))
    for column in range(count):
        column_pixels = picture[:, MARGIN + column * (CELL + GAP) + CELL // 2]
        for row in cells(result):
            assert (column_pixels == row[column].pixels[0, 0]).all(axis=1).sum() == CELL


def page() -> None:
    from components.widgets.image_grid import draw_grid as draw
    from tests.components.level_sets import results

    draw(results.grid(), "grid")


def test_the_page_shows_the_table_its_twin_and_the_file():
    at = AppTest.from_function(page, default_timeout=30).run()
    assert not at.exception
    assert len(unfolded(at).dataframe) == 3
    assert HOSTILE not in at.get("html")[0].proto.body
