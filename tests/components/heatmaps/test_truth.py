"""A black mask of one's own, opened on the page: what each map outlines though nothing is there."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from engine.data import load
from tests.visits import settled, visit

EXTRA = re.compile(r"outlines \d+\.\d % of the image though nothing is there")


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("methods", [["The model's own map", "Grad-CAM"], ["Grad-CAM"]])
def test_a_black_mask_is_answered_and_what_needs_a_finding_says_so(methods):
    link = {"model": "Phantom GP-UNet", "heatmaps.methods": methods, "trust.on": "false"}
    at = visit(link)
    image = load("phantoms:count=40").images[17, 0]
    at.file_uploader(key="subject.file").upload("own.png", png(image)).run()
    black = np.zeros(image.shape, np.uint8)
    at.file_uploader(key="subject.mask").upload("black.png", png(black)).run()
    at = settled(at)
    assert not at.exception
    assert not at.error
    text = " ".join(block.value for block in (*at.markdown, *at.caption)).replace("\\", "")
    assert "The mask is black here" in text
    assert "no map can point inside" in text
    assert EXTRA.search(text)
    assert "nan" not in text.lower().split()
    assert not any("other images too" in button.label for button in at.button)
