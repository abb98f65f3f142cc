"""Marks over a picture: where they stand, what colors them, and which is chosen."""

import numpy as np

from components.draw.picture_points import PicturePoints
from engine.result import Table


def test_marks_stand_at_their_shares_of_the_picture_and_have_their_numbers():
    table = Table.of(
        {
            "left": (np.array([0.25, 0.5]), "share"),
            "top": (np.array([0.1, 0.9]), "share"),
            "distance": (np.array([3.0, 7.5]), "px"),
        }
    )
    picture = np.zeros((50, 200, 3), np.uint8)
    figure = PicturePoints(picture=picture, value="distance", chosen=1).figure(table)
    (marks,) = figure.data
    assert list(marks.x) == [50, 100]
    assert list(marks.y) == [5, 45]
    assert list(marks.marker.color) == [3.0, 7.5]
    assert marks.text == ("3 px", "7.5 px")
    assert marks.marker.line.width[1] > marks.marker.line.width[0]
    assert figure.layout.yaxis.range == (50, 0)  # downward, as rows of a picture
