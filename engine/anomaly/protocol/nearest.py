"""The normal images that a model sees most alike, to be looked at."""

import numpy as np

from engine.core.result import Pictures, Table
from engine.vision.data import DataSet
from engine.vision.data.example import example_picture

NEAREST = 6


def nearest_pictures(normal: DataSet, table: Table) -> Pictures:
    """The normal images whose features are most like the image's, at most six.

    Args:
        normal: where they are from.
        table: their ids and distances, the nearest first, as a detector gives them.
    """
    rows = table.values[:NEAREST]
    places = normal.places(rows[:, 0].astype(np.int64))
    labels = [normal.classes[normal.labels[place]] for place in places]
    images = np.stack([example_picture(normal.images[place]).pixels for place in places])
    captions = [f"id {number:.0f}: {distance:.2f}" for number, distance in rows]
    finding = (
        f"The nearest is {labels[0]}, at distance {rows[0, 1]:.2f}. Distances are between "
        "directions of features, from 0 (the same) to 2."
    )
    return Pictures(images[None], ("nearest",), tuple(labels), finding, captions=tuple(captions))
