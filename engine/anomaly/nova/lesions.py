"""Images whose lesions are known: their boxes and heads, and normal images apart from them."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage as ndi
from torch import Tensor
from torch.nn import functional as F

from engine.anomaly.localizers.regions import TOUCHING
from engine.core.errors import BadData
from engine.core.result import Table
from engine.evaluation.detection.lesions import LesionsCase
from engine.evaluation.detection.rows import as_seen
from engine.vision.data import DataSet, Rows

AIR = 12  # of 255, below which nothing belongs to the head

Masks = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Benchmark:
    """The images that are asked about, and what is known of them.

    Args:
        pixels: at the model's size, (n, 3, S, S).
        heads: where the head is, (n, S, S).
        masks: of lesions, (n, S, S); boxes are filled.
        boxes: of each image, (K, 4), shares of the sides.
        kinds: of each image, (n,).
        groups: the patient of each, (n,); None where nobody says.
    """

    pixels: Tensor
    heads: Masks
    masks: Masks
    boxes: list[NDArray[np.float64]]
    kinds: NDArray[np.int64]
    groups: NDArray[np.int64] | None = None


def benchmark(case: LesionsCase, rows: Rows) -> Benchmark:
    """The images of some rows, with their lesions at the model's size."""
    side, data = case.model.side, case.data.take(rows)
    pixels = as_seen(data, slice(None), side).contiguous()
    if (truth_boxes := data.truth.get("boxes")) is not None:
        boxes = [
            image_boxes[np.isfinite(image_boxes[:, 0])].astype(np.float64)
            for image_boxes in truth_boxes
        ]
        masks = np.stack([box_masks(box, side) for box in boxes])
    else:
        full_masks = torch.from_numpy(np.array(data.truth["mask"], np.float32))
        # nearest: between 0 and 1 a mask has no values
        masks = F.interpolate(full_masks[:, None], (side, side), mode="nearest")[:, 0].numpy() > 0
        boxes = [bounding_boxes(mask) for mask in masks]
    return Benchmark(pixels, heads(pixels), masks, boxes, data.labels, data.truth.get("group"))


def bounding_boxes(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """A box around each part of a mask (S, S), however small: left, top, width, height, (K, 4)."""
    results = [
        (columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
        for rows, columns in ndi.find_objects(ndi.label(mask, TOUCHING)[0])
    ]
    return np.array(results, np.float64).reshape(-1, 4) / len(mask)


def of_others(test_set: Benchmark) -> Rows:
    """For each image the row of another one, of another patient where there is one, (n,)."""
    count = len(test_set.pixels)
    groups = np.arange(count) if test_set.groups is None else test_set.groups
    result = np.empty(count, np.int64)
    for at in range(count):
        others = (at + count // 2 + np.arange(count)) % count  # neighbors in a file may be alike
        other_patients = others[groups[others] != groups[at]]
        result[at] = other_patients[0] if len(other_patients) else others[0]
    return result


def without_lesions(normal: DataSet) -> tuple[DataSet, tuple[str, ...]]:
    """The normal images that have no lesion themselves, and how many were left out.

    Raises:
        BadData: all have one.
    """
    has_lesion = np.zeros(len(normal), np.bool_)
    if (masks := normal.truth.get("mask")) is not None:
        has_lesion |= np.asarray(masks).reshape(len(normal), -1).any(1)
    if (boxes := normal.truth.get("boxes")) is not None:
        has_lesion |= np.isfinite(boxes).any((1, 2))
    if not has_lesion.any():
        return normal, ()
    if has_lesion.all():
        raise BadData(f"{normal.card.title}: each of the normal images has a lesion itself.")
    note = f"{has_lesion.sum():,} of {len(normal):,} normal images have lesions and were left out."
    return normal.take(np.flatnonzero(~has_lesion)), (note,)


def disjoint_normals(normal: DataSet, data: DataSet, rows: Rows) -> DataSet:
    """The normal images without the groups of the images that are asked about."""
    base_names = {data_set.name.partition("+")[0].partition(":")[0] for data_set in (normal, data)}
    normal_groups, data_groups = (data_set.truth.get("group") for data_set in (normal, data))
    if len(base_names) > 1 or normal_groups is None or data_groups is None:
        return normal
    return normal.take(np.flatnonzero(~np.isin(normal_groups, data_groups[rows])))


def heads(pixels: Tensor) -> Masks:
    """What is not air around a head, (n, S, S), of pixels (n, 3, S, S) in [0, 1]."""
    bright = pixels.amax(1).numpy() > AIR / 255
    # cavities and ventricles are as dark as air, but belong to the head
    return np.stack([ndi.binary_fill_holes(mask) for mask in bright])


def box_masks(boxes: NDArray[np.float64], side: int) -> Masks:
    """A mask (side, side) of boxes."""
    mask = np.zeros((side, side), np.bool_)
    for left, top, width, height in boxes * side:
        rows, columns = (
            # at least one pixel, or a small lesion would have no mask to be found on
            slice(round(low), max(round(low) + 1, round(low + length)))
            for low, length in ((top, height), (left, width))
        )
        mask[rows, columns] = True
    return mask


def box_array(table: Table) -> NDArray[np.float64]:
    """Left, top, width and height of a table of boxes, (K, 4)."""
    return table.select(("left", "top", "width", "height")).values.astype(np.float64)
