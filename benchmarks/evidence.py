"""Evidence beside maps: LiMA against its own forwards and plain greedy searches, curves, losses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from time import perf_counter

import torch
from torch import Tensor

from benchmarks.efficiency import GOAL
from benchmarks.setting import case, forwards
from benchmarks.timing import Ratio, paired
from engine import data
from engine.attribution import LFA, LiMA
from engine.attribution.heatmaps.partition import Partition, superpixels
from engine.case import ImageCase, image_case
from engine.case.target import Target
from engine.data.example import Example
from engine.images import Crop
from engine.images.samples import sample
from engine.measures.showing import curves, random_ranks
from engine.models.catalog import load

COUNT = 50  # regions
PENDING, ALL = LiMA().pending, 80  # with all pending it is the plain search
PHOTOGRAPHS = ("chelsea", "coffee", "rocket")
MAPS = 4


@cache
def asked(name: str) -> tuple[ImageCase, int]:
    """A photograph about its first class, and the number of regions to ask for to get 50."""
    model = case().model
    image = image_case(model, sample(name), Crop(), Target(0)).image
    top = int(model.logits(image[None])[0].argmax())
    wanted = min(range(40, 81), key=lambda n: abs(superpixels(image, n).count - COUNT))
    return ImageCase(model, image, Target(top)), wanted


def lima(name: str, pending: int) -> dict[str, float]:
    """Forward passes and the area under insertion; with all pending it is the plain search."""
    image, regions = asked(name)
    found = LiMA(regions=regions, pending=pending)(image)
    looks, areas = found["looks"].values, found["areas"].values  # type: ignore[attr-defined]
    return {"passes": float(looks[0]), "insertion": float(areas[0])}


def one_by_one(name: str) -> list[int]:
    """The plain greedy search as one writes it first: each set shown and hidden, by itself."""
    image, regions = asked(name)
    labels = Partition.of(image, "superpixels", regions).labels
    order: list[int] = []
    left = set(range(int(labels.max()) + 1))

    def worth(members: list[int]) -> float:
        inside = torch.isin(labels, torch.tensor(members))
        return 20 * probability(image, inside) + 5 * (1 - probability(image, ~inside))

    while left:
        order.append(max(left, key=lambda one: worth([*order, one])))
        left.remove(order[-1])
    return order


def probability(image: ImageCase, inside: Tensor) -> float:
    """Of the target with only some pixels shown."""
    shown = (image.image * inside)[None]
    return float(image.model.logits(shown).softmax(1)[0, image.target.index])


def rows(rounds: int) -> Iterator[Ratio]:
    """LiMA and the curves."""
    first = PHOTOGRAPHS[0]
    both = {name: (lima(name, PENDING), lima(name, ALL)) for name in PHOTOGRAPHS}
    needed = int(both[first][0]["passes"])
    yield paired(
        f"LiMA, {COUNT} regions", lambda: lima(first, PENDING), lambda: forwards(needed),
        "its own forwards", GOAL, min(rounds, 3), f"{needed} forwards",
    )  # fmt: skip
    fewer = [plain["passes"] / ours["passes"] for ours, plain in both.values()]
    apart = [ours["insertion"] - plain["insertion"] for ours, plain in both.values()]
    told = ", ".join(f"{one:+.3f}" for one in apart)
    yield paired(
        f"LiMA, {COUNT} regions", lambda: lima(first, PENDING), lambda: lima(first, ALL),
        "plain greedy search, in batches", None, min(rounds, 3),
        f"{min(fewer):.2f} × fewer calls (goal ≥ 1.4); insertion area less plain's on "
        f"{len(both)} photographs {told} (the mean over 20 is in the slow tests)",
    )  # fmt: skip
    yield paired(
        f"LiMA, {COUNT} regions", lambda: lima(first, PENDING), lambda: one_by_one(first),
        "plain greedy search, image by image", None, 1,
    )  # fmt: skip
    orders = {str(seed): random_ranks((224, 224), seed) for seed in range(MAPS)}
    count = 2 + MAPS * 2 * 19
    yield paired(
        f"Insertion and deletion of {MAPS} maps", lambda: curves(case(), orders),
        lambda: forwards(count), "its own forwards", GOAL, rounds, f"{count} forwards, one pass",
    )  # fmt: skip


def told() -> Iterator[str]:
    """Seconds of the cross-loss matrices on a digit."""
    digits = data.load("digits")
    model = load("digits-cnn")
    picture = Example(digits, int(digits.rows("test")[0])).picture()
    image = image_case(model, picture, Crop(), Target(1))
    seconds = []
    for samples in (200, 500, 1000):
        start = perf_counter()
        LFA(features="pixels", samples=samples)(image)
        seconds.append(f"{samples} samples {perf_counter() - start:.1f} s")
    yield (
        "Eight explainers and both cross-loss matrices on a digit, 64 pixels: "
        + ", ".join(seconds)
        + " (goal: under 10 s)"
    )
