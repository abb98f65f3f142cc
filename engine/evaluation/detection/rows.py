"""Which images of a data set are fitted to and which are held out, and how a model sees them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.core.errors import BadData
from engine.core.result import Array
from engine.vision.data import DataSet, Rows
from engine.vision.data.example import example_picture
from engine.vision.images import Crop, square

MOST_FIT, MOST_HELD, MOST_UNKNOWN = 2000, 1000, 200  # images that are looked at


def split(data: DataSet) -> tuple[Rows, Rows]:
    """The rows to fit to and those held out; images of unknown classes are in neither.

    Where nothing but train images is there, half of them is held out, or half of their groups.

    Raises:
        BadData: fewer than two normal images, or all of one group.
    """
    unknown = data.truth.get("unknown")
    normal = np.ones(len(data), np.bool_) if unknown is None else ~np.asarray(unknown, np.bool_)
    rows = np.flatnonzero(normal)
    if len(rows) < 2:
        count = "no normal image" if not len(rows) else "one normal image"
        raise BadData(
            f"{data.card.title} has {count}: at least two are needed, one to learn what is usual "
            "and one to compare with. Give more."
        )
    fit_rows, held_rows = rows[data.split[rows] == 0], rows[data.split[rows] != 0]
    if not len(fit_rows) or not len(held_rows):
        groups, places = data.truth.get("group"), np.arange(len(rows))
        if groups is not None:
            # pieces of one picture are too alike to be compared with each other
            places = np.unique(groups[rows], return_inverse=True)[1]
        # every other one, since a file may be sorted
        fit_rows, held_rows = rows[places % 2 == 0], rows[places % 2 == 1]
        if not len(held_rows):
            raise BadData(
                f"{data.card.title} has normal images of one group alone, such as pieces of one "
                "picture: at least two groups are needed, one to learn what is usual and one to "
                "compare with. Give more."
            )
    return evenly(fit_rows, MOST_FIT), evenly(held_rows, MOST_HELD)


def evenly(rows: Rows, most: int) -> Rows:
    """At most so many rows, spread over all of them."""
    if len(rows) <= most:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, most).astype(int)])


def unknown_rows(data: DataSet) -> Rows:
    """The images of held-out classes that a data set knows of; none where it knows of none."""
    truth: Mapping[str, Any] = data.truth
    marked = truth.get("unknown")
    return np.flatnonzero(marked) if marked is not None else np.empty(0, np.int64)


def as_seen(data: DataSet, rows: slice, side: int) -> Tensor:
    """Images of some rows at the model's size, (n, 3, side, side) in [0, 1]: the house's one path.

    Where the size differs, the middle square is resized as a picture from the sidebar would be.
    """
    if data.images.shape[2:] == (side, side):
        return data.pixels(rows)
    images: Array = data.images[rows]
    return torch.from_numpy(
        np.stack([square(example_picture(image), Crop(), side) for image in images])
    )
