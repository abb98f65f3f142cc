"""From a map and a threshold to boxes."""

import numpy as np
from scipy import ndimage as ndi

from engine.core.result import Floats, Table

LEAST = 0.0005  # of the image, below which a region is left out
MOST = 10  # boxes
TOUCHING = np.ones((3, 3), np.bool_)  # places that touch at a corner belong together


def boxes_above(values: Floats, threshold: float, unit: str, part: float = 1.0) -> Table:
    """A box around each region of a map (H, W) above the threshold, the highest value first.

    Columns: left, top, width, height as shares of the sides; highest in the map's unit; area as a
    share of the image. Regions smaller than LEAST of `part` of the image are left out.
    """
    height, width = values.shape
    labels, count = ndi.label(values > threshold, TOUCHING)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:] / values.size
    results = []
    for at, (rows, columns) in enumerate(ndi.find_objects(labels)):
        if areas[at] >= LEAST * part:
            highest = float(values[rows, columns][labels[rows, columns] == at + 1].max())
            results.append(
                (
                    columns.start / width,
                    rows.start / height,
                    (columns.stop - columns.start) / width,
                    (rows.stop - rows.start) / height,
                    highest,
                    areas[at],
                )
            )
    results = sorted(results, key=lambda result: -result[4])[:MOST]
    names = ("left", "top", "width", "height", "highest", "area")
    units = ("share", "share", "share", "share", unit, "share")
    numbers = np.array(results, np.float32).reshape(-1, len(names))
    return Table.grid(numbers, [str(at + 1) for at in range(len(results))], names, units)
