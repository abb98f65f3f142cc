"""A grid of images is a table with words for every image."""

from __future__ import annotations

import io
import re
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from components.draw.pictures import as_html
from engine.result import Pictures

HOSTILE = '<img src=x onerror="alert(1)">'


def view(channels=3, side=12, captions=()):
    images = np.random.default_rng(0).integers(0, 255, (2, 2, side, side, channels), np.uint8)
    return Pictures(images, ("before", HOSTILE), ("a", "b"), 'What is "seen".', "", captions)


def test_every_image_is_named_and_labels_are_text():
    html = as_html(view(captions=("one", "two", "three", HOSTILE)))
    assert html.count("<img") == 4
    assert 'alt="a, before"' in html
    assert html.count('scope="col"') == html.count('scope="row"') == 2
    assert 'aria-label="What is &quot;seen&quot;."' in html
    assert "<small>one</small>" in html
    assert HOSTILE not in html


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_sent_without_loss(channels):
    image_view = view(channels)
    (body, *_) = re.findall(r"base64,([^\"]+)", as_html(image_view))
    with Image.open(io.BytesIO(b64decode(body))) as image:
        pixels = np.asarray(image)
    assert np.array_equal(pixels.reshape(12, 12, channels), image_view.images[0, 0])


def test_only_small_images_are_drawn_in_squares():
    assert as_html(view(side=12)).count("bs-small") == 4
    assert "bs-small" not in as_html(view(side=200))


def test_a_telephone_shows_up_to_three_pictures_side_by_side():
    assert "bs-three" in as_html(view())
    images = np.zeros((1, 4, 8, 8, 3), np.uint8)
    four = Pictures(images, ("row",), tuple("abcd"), "Seen.", "")
    assert "bs-three" not in as_html(four)
    nameless = as_html(Pictures(images[:, :3], ("",), tuple("abc"), "Seen.", ""))
    assert "bs-three" in nameless
    assert 'alt="a"' in nameless


def page() -> None:
    """A page with one grid."""
    from components.draw.pictures import draw_pictures
    from tests.components.draw.test_pictures import view

    draw_pictures(view(), "grid")


def test_the_finding_stands_below_and_the_grid_can_be_taken_along():
    at = AppTest.from_function(page).run()
    assert not at.exception
    assert [caption.value.replace("\\", "") for caption in at.caption] == ['What is "seen".']
    assert len(at.get("download_button")) == 1
