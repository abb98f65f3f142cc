"""Pictures travel inside the page, whole or shrunk, and never as files that a rerun deletes."""

import ast
import io
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from components.widgets import pictures
from components.widgets.encoding import COLOR_LIMIT
from components.widgets.pictures import LONG_SIDE, encoded

ROOT = Path(__file__).resolve().parents[3]
ALLOWED = {
    "components/widgets/downloads.py": {"download_button"},
    "components/widgets/pictures.py": {"image"},
}


def picture_page() -> None:
    import numpy as np  # AppTest runs the source of this function alone

    from components.widgets.pictures import show_picture

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


def test_every_view_draws_pictures_and_downloads_through_the_shared_elements() -> None:
    files = [*(ROOT / "components").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
    results = {str(file.relative_to(ROOT)): calls(file) for file in files if calls(file)}
    assert results == ALLOWED


def test_a_picture_is_part_of_the_page_with_its_pixels_unchanged() -> None:
    at = AppTest.from_function(picture_page).run()
    assert not at.exception
    (element,) = at.get("image")
    (sent,) = element.proto.imgs
    assert sent.alt == "Eight by eight"
    assert sent.url.startswith("data:image/png;base64,")
    assert sent.caption == "Small"
    pixels = np.asarray(Image.open(io.BytesIO(b64decode(sent.url.split(",")[1]))))
    assert np.array_equal(pixels, np.full((8, 8, 3), 7, np.uint8))


@pytest.mark.parametrize("shape", [(3000, 4000), (4000, 3000)])
def test_a_large_photograph_is_shrunk_to_what_a_page_can_carry(shape) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    kind, body = encoded(noise)
    assert kind == "webp"
    assert max(Image.open(io.BytesIO(body)).size) == LONG_SIDE


def test_a_light_picture_stays_lossless() -> None:
    kind, body = encoded(np.zeros((300, 200, 3), np.uint8))
    assert kind == "png"
    assert len(body) < COLOR_LIMIT


def test_the_same_picture_is_encoded_once(monkeypatch) -> None:
    encode_calls = []
    monkeypatch.setattr(
        pictures, "encoded", lambda pixels: encode_calls.append(1) or encoded(pixels)
    )
    for _ in range(2):
        at = AppTest.from_function(picture_page).run()
    assert not at.exception
    assert len(encode_calls) <= 1
