"""A contact sheet: some images of every class, with the outline of what is known."""

import numpy as np
from numpy.typing import NDArray

from engine.vision.data.dataset import DataSet, Rows
from engine.vision.data.masks import outline

GAP = 2  # px between images
OPAQUE = 255
LINE = (230, 60, 40)  # of a mask's outline
SIDE = 96  # px that a small image is enlarged to, at least


def sheet(
    data: DataSet,
    count: int = 8,
    split: str | None = None,
    mask: str | None = "mask",
    truth: str | None = None,
    marked: str | None = None,
) -> NDArray[np.uint8]:
    """A row of `count` images for each class, (H, W, 4); between them one sees through.

    Args:
        data: whose images.
        count: how many of a class, spread over all of it.
        split: only from this split; None for all.
        mask: the truth whose outline is drawn; None for no outline.
        truth: images of this name, such as "twin", stand in a row below.
        marked: the truth whose images get a frame, such as "poisoned" or "key".
    """
    chosen = np.arange(len(data)) if split is None else data.rows(split)
    scale = max(1, round(SIDE / data.side))
    masks = data.truth.get(mask) if mask else None
    below = data.truth.get(truth) if truth else None
    marks = data.truth.get(marked) if marked else None
    rows = []
    for label in range(len(data.classes)):
        result = chosen[data.labels[chosen] == label]
        if len(result) == 0:
            continue
        result = result[np.linspace(0, len(result) - 1, min(count, len(result))).astype(int)]
        rows.append(strip(data.images, masks, marks, result, count, scale))
        if below is not None:
            rows.append(strip(below, None, None, result, count, scale))
    if not rows:
        return np.zeros((SIDE, SIDE, 4), np.uint8)
    return np.pad(np.concatenate(rows), ((GAP, 0), (GAP, 0), (0, 0)))


def strip(
    images: NDArray[np.uint8],
    masks: NDArray[np.bool_] | None,
    marks: NDArray[np.bool_] | None,
    rows: Rows,
    count: int,
    scale: int,
) -> NDArray[np.uint8]:
    """Images side by side, filled up with nothing, (h, w, 4)."""
    tiles = []
    for row in rows:
        tile = np.broadcast_to(images[row].transpose(1, 2, 0), (*images.shape[2:], 3))
        tile = tile.repeat(scale, 0).repeat(scale, 1)
        if masks is not None:
            tile[outline(masks[row].repeat(scale, 0).repeat(scale, 1))] = LINE
        if marks is not None and marks[row]:
            tile[:GAP] = tile[-GAP:] = tile[:, :GAP] = tile[:, -GAP:] = LINE
        tile = np.pad(tile, ((0, 0), (0, 0), (0, 1)), constant_values=OPAQUE)
        tiles.append(np.pad(tile, ((0, GAP), (0, GAP), (0, 0))))
    tiles += [np.zeros_like(tiles[0])] * (count - len(tiles))
    return np.concatenate(tiles, axis=1)
