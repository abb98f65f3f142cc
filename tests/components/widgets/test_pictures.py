"""Pictures travel inside the page, whole or shrunk, and never as files that a rerun deletes."""

import ast
import io
import re
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.widgets import image_grid, pictures
from components.widgets.encoding import COLOR_LIMIT
from components.widgets.image_grid import CELL, as_html, cells, finding
from components.widgets.pictures import LONG_SIDE, encoded, show_picture
from engine.core import result
from tests.components.level_sets.results import CORNERS, HOSTILE, grid
from tests.components.pages import page_of
from tests.visits import unfolded

ROOT = Path(__file__).resolve().parents[3]
ALLOWED = {
    "components/widgets/downloads.py": {"download_button"},
    "components/widgets/pictures.py": {"image"},
}


def draw_small():
    show_picture(np.full((8, 8, 3), 7, np.uint8), "Eight by eight", width=64, caption="Small")


def calls(file: Path) -> set[str]:
    """Which of the two Streamlit elements a file draws by itself."""
    results = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, of = node.func.attr, ast.unparse(node.func.value)
            if name == "download_button" or (name == "image" and of != "mask_pictures"):
                results.add(name)
    return results


def test_every_view_draws_pictures_and_downloads_through_the_shared_elements():
    files = [*(ROOT / "components").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
    assert {str(file.relative_to(ROOT)): calls(file) for file in files if calls(file)} == ALLOWED


def test_a_picture_is_part_of_the_page_with_its_pixels_unchanged():
    (element,) = page_of(draw_small).get("image")
    (sent,) = element.proto.imgs
    assert sent.alt == "Eight by eight"
    assert sent.url.startswith("data:image/png;base64,")
    assert sent.caption == "Small"
    pixels = np.asarray(Image.open(io.BytesIO(b64decode(sent.url.split(",")[1]))))
    assert np.array_equal(pixels, np.full((8, 8, 3), 7, np.uint8))


@pytest.mark.parametrize("shape", [(3000, 4000), (4000, 3000)])
def test_a_large_photograph_is_shrunk_to_what_a_page_can_carry_and_a_light_picture_is_not(shape):
    kind, body = encoded(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8))
    assert kind == "webp"
    assert max(Image.open(io.BytesIO(body)).size) == LONG_SIDE
    kind, body = encoded(np.zeros((300, 200, 3), np.uint8))
    assert kind == "png"
    assert len(body) < COLOR_LIMIT


def test_the_same_picture_is_encoded_once(monkeypatch):
    encode_calls = []
    monkeypatch.setattr(pictures, "encoded", lambda array: encode_calls.append(1) or encoded(array))
    for _ in range(2):
        page_of(draw_small)
    assert len(encode_calls) <= 1


def test_cells_say_their_finding_in_words_labels_are_text_and_unknown_values_dashes():
    cell, lost = cells(grid())[2][0], cells(grid())[0][1]
    assert (cell.target, cell.source) == ("cup", "cat")
    assert cell.pixels[0, 0] == pytest.approx(CORNERS[2], abs=1)
    assert cell.words == "End of the walk from cat to cup: probability of cat 0.99, ✓ class kept"
    assert lost.mark == "✗ class lost"
    assert as_html(grid()).count("✗ class lost</span>") == 1
    assert "5 of 6 walks kept that class, lowest probability 0.20." in finding(cells(grid()))
    html = as_html(grid())
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;" in html
    assert len(re.findall(r"<img ", html)) == 9 + 3 + 3
    html = as_html(grid(labels=("cat", "palace", "cup")))
    assert len(re.findall(r'alt="[^"]+probability[^"]+"', html)) == 9
    assert html.count('scope="col"') == html.count('scope="row"') == 3
    walks = dict(grid())
    values = walks["images"].values.copy()
    values[1] = np.nan
    walks["images"] = result.Path(walks["images"].frames, values, "probability")
    cell = cells(walks)[0][1]
    assert cell.mark == "no value"
    assert "nan" not in as_html(walks)
    assert "lowest probability 0.99" not in finding([[cell]])


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_file_holds_every_picture_at_its_place(count):
    walks = grid(tuple(f"class number {at}" for at in range(count)), lost=())
    picture = np.asarray(Image.open(io.BytesIO(image_grid.as_png(walks))))
    for column in range(count):
        left = image_grid.MARGIN + column * (CELL + image_grid.GAP)
        column_pixels = picture[:, left + CELL // 2]
        for row in cells(walks):
            assert (column_pixels == row[column].pixels[0, 0]).all(axis=1).sum() == CELL


def test_the_page_shows_the_table_its_twin_and_the_file():
    at = page_of(image_grid.draw_grid, grid(), "grid")
    assert len(unfolded(at).dataframe) == 3
    assert HOSTILE not in at.get("html")[0].proto.body
