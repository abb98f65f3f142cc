"""One explainer's map of one label, and every figure that the study has of it.

AUC-MoRF follows the sheet: blocks of an eighth of the side go most relevant first, each replaced by
the model's mean color, in steps of four blocks. The area under the label's logit is told as a share
of the way from the image's logit (1) to the covered image's (0), so that labels can be averaged.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from torch import nn

from engine.attribution.study.images import Bools
from engine.attribution.study.methods import Explainer, has_own_map
from engine.attribution.study.ranking import DICE
from engine.core.errors import BlindspotError
from engine.core.result import Floats, HeatMap
from engine.evaluation.measures.agreement import cosine
from engine.evaluation.measures.concentration import file_bytes
from engine.evaluation.measures.fidelity import RADIUS, max_sensitivity
from engine.evaluation.measures.localization import located
from engine.evaluation.measures.outlines import dice, inside_of
from engine.evaluation.measures.showing import SMALL, MapCurves, Ranks, curves, random_ranks, ranks
from engine.vision.case import ImageCase
from engine.vision.models.classifier import Classifier

BLOCKS = 8  # along a side
STEPS = BLOCKS * BLOCKS // 4  # of four blocks each
RANDOM = "Random order"  # the row that the others are held against


@dataclass
class Counter:
    """Images that went through a network."""

    images: int = 0

    def __call__(self, _network: nn.Module, inputs: tuple[Any, ...]) -> None:
        """A forward pre-hook."""
        self.images += len(inputs[0])


@contextmanager
def count_passes(model: Classifier) -> Iterator[tuple[Classifier, Counter]]:
    """A copy of a model that counts its forward passes and is never compiled on the way.

    Whatever it looks up about itself by trying, it has before it is counted.
    """
    copy, counter = model.twin(paced=False), Counter()
    copy.runner("exact").stay()
    copy.pace("gradient")
    _ = copy.layers
    hook = copy.network.register_forward_pre_hook(counter)
    try:
        yield copy, counter
    finally:
        hook.remove()


@dataclass(frozen=True)
class TimedMap:
    """A map with what it cost."""

    view: HeatMap
    seconds: float
    passes: int  # images through the network
    inside: Bools | None = None  # its outline, (H, W), where that is measured

    @property
    def values(self) -> Floats:
        """The map's numbers, (H, W)."""
        return self.view.values


def compute_map(method: Explainer, case: ImageCase, counter: Counter) -> TimedMap:
    """The map, computed here and not kept; with its outline where the model has a map of its own.

    Args:
        method: the explainer.
        case: what it is asked.
        counter: of the images that go through the case's network.
    """
    before, start = counter.images, perf_counter()
    result = method(case)
    seconds, view = perf_counter() - start, result["map"]
    assert isinstance(view, HeatMap)  # noqa: S101  # every explainer gives one
    inside = inside_of(result) if has_own_map(case.model) else None
    return TimedMap(view, seconds, counter.images - before, inside)


def block_ranks(values: Floats, blocks: int = BLOCKS) -> Ranks:
    """The order of blocks by their mean, as ranks of pixels (H, W): a block goes as a whole.

    Raises:
        BlindspotError: all blocks have the same mean, or a value is unknown.
    """
    row_blocks = np.arange(len(values)) * blocks // len(values)
    column_blocks = np.arange(values.shape[1]) * blocks // values.shape[1]
    block_numbers = row_blocks[:, None] * blocks + column_blocks[None, :]
    sums = np.bincount(block_numbers.ravel(), values.astype(np.float64).ravel(), blocks * blocks)
    means = (sums / np.bincount(block_numbers.ravel(), minlength=blocks * blocks)).astype(
        np.float32
    )
    order = ranks(means.reshape(blocks, blocks)).ravel()[block_numbers]
    return spread_out(order)


def spread_out(order: Ranks) -> Ranks:
    """Ranks of blocks as ranks of pixels, each pixel one of its own."""
    flat = np.argsort(order.ravel(), kind="stable")
    result = np.empty(order.size, np.int64)
    result[flat] = np.arange(order.size)
    return result.reshape(order.shape)


def random_block_ranks(shape: tuple[int, int], *seeds: int) -> Ranks:
    """Blocks in random order."""
    blocks = BLOCKS
    rank_grid = random_ranks((blocks, blocks), *seeds).astype(np.float32)
    rows = np.arange(shape[0]) * blocks // shape[0]
    columns = np.arange(shape[1]) * blocks // shape[1]
    return spread_out(rank_grid[rows[:, None], columns[None, :]].astype(np.int64))


def share(map_curves: MapCurves) -> float:
    """The area under deletion as a share of the fall; NaN where nothing falls."""
    high, low = float(map_curves.deletion[0]), float(map_curves.deletion[-1])
    # logits of different labels have no common zero or scale, shares of the fall have
    return (map_curves.deletion_area - low) / (high - low) if high - low >= SMALL else float("nan")


@dataclass(frozen=True)
class MapMeasurement:
    """What was found of one method on one label of one image; NaN where there is nothing.

    Args:
        method: its name, or RANDOM.
        image: id of the image.
        label: class number.
        figures: by the column's name.
    """

    method: str
    image: int
    label: int
    figures: Mapping[str, float]


def outline_of(inside: Bools | None, mask: Bools) -> dict[str, float]:
    """Dice of an outline, where it is measured; 0 where nothing is outlined."""
    if inside is None:
        return {}
    return {DICE: dice(inside, mask) if inside.any() else 0.0}


def on_mask(values: Floats, mask: Bools) -> dict[str, float]:
    """Pointing game, mass and rank accuracy, and what chance gives."""
    result = located(values, mask)
    return {
        "pointing game": result.hit,
        "relevance mass": result.mass,
        "relevance rank": result.rank,
        "area share": result.chance,
    }


def of_map(
    method: Explainer, image_case: ImageCase, done: TimedMap, mask: Bools, draws: int
) -> dict[str, float]:
    """Everything but the curve and the other labels; max-sensitivity makes `draws` more maps."""
    return {
        **on_mask(done.values, mask),
        **outline_of(done.inside, mask),
        "max-sensitivity": max_sensitivity(
            method, image_case, radius=RADIUS, draws=draws, plain=done.values
        ),
        "PNG size": float(file_bytes(done.values)),
        "passes": float(done.passes),
        "seconds": done.seconds,
    }


def deletions(image_case: ImageCase, maps: Mapping[str, Floats], *seeds: int) -> dict[str, float]:
    """AUC-MoRF of each map and of a random order, in one batched pass; NaN for a flat map.

    One random order says little: take other `seeds` for every image and label.
    """
    shape = tuple(image_case.image.shape[1:])
    orders = {RANDOM: random_block_ranks((shape[0], shape[1]), *seeds)}
    for name, values in maps.items():
        try:
            orders[name] = block_ranks(values)
        except BlindspotError:  # a flat map puts no block before another
            continue
    result = curves(image_case, orders, steps=STEPS)
    return {
        name: share(result[name]) if name in result else float("nan") for name in (RANDOM, *maps)
    }


def alike(maps: list[Floats]) -> float:
    """Mean cosine over each pair of maps of one image for different labels; NaN of one map."""
    pairs = [cosine(maps[i], maps[j]) for i in range(len(maps)) for j in range(i)]
    finite_pairs = [pair for pair in pairs if np.isfinite(pair)]
    return float(np.mean(finite_pairs)) if finite_pairs else float("nan")


def noise(shape: tuple[int, int], *seeds: int) -> Floats:
    """A map that knows nothing: uniform numbers."""
    noise_map: Floats = np.random.default_rng(list(seeds)).random(shape, np.float32)
    return noise_map


__all__ = [
    "RANDOM",
    "Counter",
    "MapMeasurement",
    "TimedMap",
    "alike",
    "block_ranks",
    "compute_map",
    "count_passes",
    "deletions",
    "noise",
    "of_map",
    "on_mask",
    "outline_of",
]
