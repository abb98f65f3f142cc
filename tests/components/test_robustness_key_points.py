"""SafeCV's key points: circles where they are, as large as they stand out."""

from __future__ import annotations

import numpy as np

from components.draw.drawing import exhibit
from components.robustness.key_points import KEY_POINTS, LARGEST, SMALLEST
from engine.result import Pictures, Table


def key_points_result(weights):
    image = np.zeros((1, 3, 20, 40, 3), np.uint8)
    count = len(weights)
    points = Table.of(
        {
            "row": (np.arange(count, dtype=np.float32), "px"),
            "column": (np.full(count, 9.5, np.float32), "px"),
            "width": (np.ones(count, np.float32), "px"),
            "weight before": (np.array(weights, np.float32), "share"),
            "weight after": (np.array(weights[::-1], np.float32), "share"),
            "visits": (np.zeros(count, np.float32), "visits"),
        },
        rows=[f"point {at}" for at in range(count)],
    )
    return {"pictures": Pictures(image, ("",), ("before", "change", "after"), ""), "points": points}


def test_circles_lie_on_their_pixels_and_grow_with_the_response():
    circles = exhibit(KEY_POINTS, key_points_result([0.64, 0.36, 0.0]))
    marks = circles.shape.figure(circles.view).data[0]
    np.testing.assert_allclose(marks.x, [10, 10, 10], rtol=1e-6)  # the middle of a pixel
    np.testing.assert_allclose(marks.y, [0.5, 1.5, 2.5], rtol=1e-6)
    grown = (np.array(marks.marker.size) - SMALLEST) / (LARGEST - SMALLEST)
    np.testing.assert_allclose(grown, [1, 0.75, 0], atol=1e-6)  # areas are as the responses
    np.testing.assert_allclose(marks.marker.color, [0, 36, 64], atol=1e-4)
    assert circles.finding.startswith("3 SIFT key points")
    assert "64 % (0 % before)" in circles.finding


def test_a_grid_in_an_image_without_key_points_is_called_one():
    assert exhibit(KEY_POINTS, key_points_result([0.25] * 4)).finding.startswith(
        "Nothing stands out in this image, so 4 places of a grid were taken."
    )
