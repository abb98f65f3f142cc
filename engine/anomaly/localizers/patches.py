"""Patches of images: the outputs of a few layers, for the image itself and for normal images.

Published sizes of feature maps do not fit every model, so the layers are chosen by resolution: the
last layer of each, from the finest to the coarsest, and of these two neighbors.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.core.errors import BadData, DoesNotFit
from engine.core.keeping.memory import Memory
from engine.core.method import Progress, part_of, quiet
from engine.evaluation.detection.case import FamiliarCase
from engine.evaluation.detection.extract import Outputs, forward_batches, key_of
from engine.evaluation.detection.rows import as_seen, split
from engine.vision.data import DataSet, Rows
from engine.vision.models.classifier import Classifier
from engine.vision.models.layers import Layer

DEPTHS = ("early", "middle", "late")
GRID = 32  # rows and columns that are looked at, at most
WIDTH = 256  # channels of a layer, from which on they are mixed into so many at random
CHUNK = 10  # images that are looked at between two reports
MOST_HELD = 40  # normal images that the threshold comes from
ROOM = 384 * 2**20  # bytes of patches that are remembered
COLORED = 4  # of 255: channels that differ by more than that on average make a colored image

Maps = tuple[Tensor, ...]  # (n, C, h, w) of each layer, the finest first


def layers_at(model: Classifier, depth: str) -> tuple[Layer, ...]:
    """One or two layers of a model, the finest first. Raises DoesNotFit without any."""
    map_layers = [layer for layer in model.layers if layer.is_map]
    if not map_layers:
        raise DoesNotFit(f"{model.title} has no layer whose output is a map.")
    # the last layer of a resolution has the most context that this resolution offers
    by_resolution = {layer_maps.cells: layer_maps for layer_maps in map_layers}
    stages = sorted(by_resolution.values(), key=lambda layer_maps: -layer_maps.cells[0])
    if len(stages) == 1:  # tokens keep one resolution
        stages = map_layers
    first = (len(stages) - 1) // 2 - 1 + DEPTHS.index(depth)
    places = {min(max(at, 0), len(stages) - 1) for at in (first, first + 1)}
    return tuple(stages[at] for at in sorted(places))


def maps_of(model: Classifier, pixels: Tensor, layers: tuple[Layer, ...]) -> Maps:
    """What the layers make of pixels (n, 3, side, side): (n, ≤ WIDTH, ≤ GRID, ≤ GRID) each.

    Raises:
        DoesNotFit: an output is not finite.
    """
    outputs = Outputs(len(pixels))
    forward_batches(model, pixels, outputs, 0, tuple(layer.name for layer in layers))
    results = []
    for layer in layers:
        values = layer.as_maps(torch.from_numpy(outputs.arrays[f"maps/{layer.name}"]))
        if not torch.isfinite(values).all():
            raise DoesNotFit(
                f"The layer {layer.name} of {model.title} gives numbers that are not finite, so "
                "nothing can be compared. Choose another model, or another depth."
            )
        if max(values.shape[-2:]) > GRID:
            rows, columns = values.shape[-2:]
            values = F.adaptive_avg_pool2d(values, (min(rows, GRID), min(columns, GRID)))
        results.append(narrowed(values).contiguous())
    return tuple(results)


def narrowed(values: Tensor) -> Tensor:
    """At most WIDTH channels: more of them are mixed at random, always in the same way."""
    channels = values.shape[1]
    if channels <= WIDTH:
        return values
    # a fixed seed: normal images and the image itself must be mixed by the same matrix
    mix = torch.randn(WIDTH, channels, generator=torch.Generator().manual_seed(channels))
    return torch.einsum("nchw,kc->nkhw", values, mix / WIDTH**0.5)


def concatenate_layers(maps: Maps, pool: int = 1, mode: str = "bilinear") -> Tensor:
    """The layers as one, (n, C, h, w) on the grid of the finest.

    Args:
        maps: of each layer.
        pool: side of the neighborhood whose mean is taken at each place, on each layer's own grid.
        mode: how a coarser layer is enlarged: "bilinear" or "nearest".
    """
    # zeros beyond the border count, as in anomalib, and in normal images alike
    pooled = [F.avg_pool2d(layer, pool, 1, pool // 2) for layer in maps] if pool > 1 else list(maps)
    size, options = pooled[0].shape[-2:], {"align_corners": False} if mode == "bilinear" else {}
    rest = [F.interpolate(layer, size, mode=mode, **options) for layer in pooled[1:]]
    return torch.cat([pooled[0], *rest], 1)


def patch_rows(patches: Tensor) -> Tensor:
    """Patches (n, C, h, w) below each other, (n · h · w, C)."""
    return patches.permute(0, 2, 3, 1).reshape(-1, patches.shape[1])


# ---------------------------------------------------------------- normal images


@dataclass(frozen=True, eq=False)
class NormalPatches:
    """Normal images as maps.

    Args:
        fit: those that a localizer is fitted to.
        held: others, which the threshold comes from.
        fit_rows, held_rows: their rows in the data set.
        notes: what had to be done otherwise than usual, in sentences.
    """

    fit: Maps
    held: Maps
    fit_rows: Rows
    held_rows: Rows
    notes: tuple[str, ...] = ()


def normal_patches(
    case: FamiliarCase, count: int, layers: tuple[Layer, ...], progress: Progress = quiet
) -> NormalPatches:
    """Up to `count` normal images to fit to, and up to MOST_HELD others, one of each group.

    Raises:
        BadData: no normal image is left beside the image itself.
    """
    fit, held_out = training_and_held_out(case, count)
    results = []
    for at, rows in enumerate((fit, held_out)):
        part = part_of(progress, at / 2, (at + 1) / 2)
        maps, keys = seen_before(case.model, case.normal, rows, layers, part)
        others = np.flatnonzero(keys != key_of(case.image))
        results.append((tuple(layer[others] for layer in maps), rows[others]))
    (fit_maps, fit_rows), (held_maps, held_rows) = results
    if not len(fit_rows) or not len(held_rows):
        raise BadData(
            f"{case.normal.card.title} has too few normal images beside this one: give at least "
            "two more, one to learn what is usual and one to compare with."
        )
    all_rows = np.concatenate([fit_rows, held_rows])
    return NormalPatches(fit_maps, held_maps, fit_rows, held_rows, tuple(oddities(case, all_rows)))


def training_and_held_out(case: FamiliarCase, count: int) -> tuple[Rows, Rows]:
    """Rows to fit to and held-out rows, by the case's seed; more images keep the first ones."""
    fit_rows, held_rows = split(case.normal)
    rng, groups = case.generator(), case.normal.truth.get("group")
    fit_rows, held_rows = rng.permutation(fit_rows), rng.permutation(held_rows)
    if groups is not None:
        fit_rows, held_rows = (
            fit_rows[groups[fit_rows] != case.group],
            held_rows[groups[held_rows] != case.group],
        )
        # one of each group, the first drawn: p-values count images as independent
        held_rows = held_rows[np.sort(np.unique(groups[held_rows], return_index=True)[1])]
    return fit_rows[:count], held_rows[:MOST_HELD]


def oddities(case: FamiliarCase, rows: Rows) -> list[str]:
    """What is strange about the normal images themselves."""
    images = case.normal.images[rows].astype(np.int16)
    results = []
    if (images == images[:1]).all():
        results.append("All normal images are identical, so nothing is known of how they vary.")
    colored = np.ptp(images, axis=1).mean((1, 2)) > COLORED
    if 0 < colored.sum() < len(rows):
        results.append(
            f"{colored.sum()} of {len(rows)} normal images have color and the others have none: "
            "they may be scans mixed with photographs. Give images of one kind."
        )
    return results


def seen_before(
    model: Classifier, data: DataSet, rows: Rows, layers: tuple[Layer, ...], progress: Progress
) -> tuple[Maps, Rows]:
    """Maps of some rows and the digest of each image; looked at once and then remembered."""
    key_prefix = f"{model.fingerprint}|{[layer.name for layer in layers]}|{data.fingerprint}"
    maps, keys = [], [np.empty(0, np.int64)]
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]

        def make(some: Rows = chunk) -> tuple[Maps, Rows]:
            pixels = as_seen(data.take(some), slice(None), model.side)
            pixel_keys = np.array([key_of(pixel) for pixel in pixels], np.int64)
            return maps_of(model, pixels, layers), pixel_keys

        values, chunk_keys = _map_cache.made(f"{key_prefix}|{chunk.tolist()}", make)
        maps.append(values)
        keys.append(chunk_keys)
        progress((start + len(chunk)) / len(rows), "looking at normal images")
    if not maps:
        return tuple(torch.empty(0) for _ in layers), keys[0]
    return tuple(torch.cat(parts) for parts in zip(*maps, strict=True)), np.concatenate(keys)


_map_cache: Memory[tuple[Maps, Rows]] = Memory(
    ROOM, lambda result: sum(layer.nbytes for layer in result[0]) + result[1].nbytes
)
