"""Protect an image: the filter on a photograph, and what the model says of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import correlate

from engine.data.protect import draw_filters, legacy
from engine.pictures import as_bytes
from engine.unlearning import ProtectImage
from tests import tiny


def test_it_is_the_correlation_written_out_and_nothing_at_strength_zero():
    case = tiny.cnn_case()
    clean = as_bytes(case.image)
    kernel = draw_filters(legacy(8), 3, 0.4, 5)[2]
    blurred = np.stack(
        [correlate(clean[..., index] / 255, kernel, mode="constant") for index in range(3)], axis=-1
    )
    expected = blurred / blurred.max() * 255
    result = ProtectImage(blur=0.4, size=5, number=2, key=8)(case)
    before, after, change = result["picture"].images[0]
    assert (before == clean).all()
    assert np.abs(after - expected).max() <= 1 + 1e-3
    assert (change == np.clip(128 + 3 * (after.astype(int) - clean), 0, 255)).all()
    probability = case.model.logits(case.image[None]).softmax(1)[0, case.target.index].item()
    assert result["probability"].values[0] == pytest.approx(probability, abs=0.01)  # of bytes
    unchanged = ProtectImage(strength=0.0)(case)
    assert (unchanged["picture"].images[0, 1] == clean).all()
    assert unchanged["probability"].values[0] == unchanged["probability"].values[1]


def test_an_image_of_any_shape_keeps_it():
    image = np.random.default_rng(0).integers(0, 255, (17, 30, 3), dtype=np.uint8)
    assert ProtectImage().apply(image).shape == image.shape
    assert (ProtectImage(strength=0.0).apply(image) == image).all()


def test_the_stronger_it_is_the_more_it_changes():
    case = tiny.cnn_case()
    clean = as_bytes(case.image).astype(int)
    changes = [
        np.abs(
            replace(ProtectImage(), strength=strength)(case)["picture"].images[0, 1] - clean
        ).mean()
        for strength in (0.0, 0.3, 0.6, 1.0)
    ]
    assert changes == sorted(changes)
    assert changes[0] == 0 < changes[1]
