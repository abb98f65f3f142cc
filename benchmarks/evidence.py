"""Evidence beside maps: LiMA against its own forwards and plain greedy searches, curves, losses."""

from collections.abc import Iterator
from functools import cache

import torch
from torch import Tensor

from benchmarks.efficiency import GOAL
from benchmarks.setting import case, forwards
from benchmarks.table import BenchmarkRow
from benchmarks.timing import paired, within
from engine.attribution import LFA, LiMA
from engine.attribution.heatmaps.partition import Partition, superpixels
from engine.evaluation.measures.showing import curves, random_ranks
from engine.vision import data
from engine.vision.case import ImageCase, image_case
from engine.vision.case.target import Target
from engine.vision.data.example import Example
from engine.vision.images import Crop
from engine.vision.images.samples import sample
from engine.vision.models.catalog import load

COUNT = 50  # regions
PENDING, ALL = LiMA().pending, 80  # with all pending it is the plain search
PHOTOGRAPHS = ("chelsea", "coffee", "rocket")
MAPS = 4
FEWER, NEAR = 1.4, 0.02  # calls of the plain search, of an area
MATRICES = 10.0  # seconds


@cache
def regions_case(name: str) -> tuple[ImageCase, int]:
    """A photograph about its first class, and the number of regions to ask for to get 50."""
    model = case().model
    image = image_case(model, sample(name), Crop(), Target(0)).image
    top = int(model.logits(image[None])[0].argmax())
    region_count = min(range(40, 81), key=lambda n: abs(superpixels(image, n).count - COUNT))
    return ImageCase(model, image, Target(top)), region_count


def lima(name: str, pending: int) -> dict[str, float]:
    """Forward passes and the area under insertion; with all pending it is the plain search."""
    photo_case, regions = regions_case(name)
    result = LiMA(regions=regions, pending=pending)(photo_case)
    passes, areas = result["looks"].values, result["areas"].values  # type: ignore[attr-defined]
    return {"passes": float(passes[0]), "insertion": float(areas[0])}


def one_by_one(name: str) -> list[int]:
    """The plain greedy search as one writes it first: each set shown and hidden, by itself."""
    photo_case, regions = regions_case(name)
    labels = Partition.of(photo_case, "superpixels", regions).labels
    order: list[int] = []
    left = set(range(int(labels.max()) + 1))

    def worth(members: list[int]) -> float:
        inside = torch.isin(labels, torch.tensor(members))
        return 20 * probability(photo_case, inside) + 5 * (1 - probability(photo_case, ~inside))

    while left:
        order.append(max(left, key=lambda candidate: worth([*order, candidate])))
        left.remove(order[-1])
    return order


def probability(photo_case: ImageCase, inside: Tensor) -> float:
    """Of the target with only some pixels shown."""
    masked_image = (photo_case.image * inside)[None]
    return float(photo_case.model.logits(masked_image).softmax(1)[0, photo_case.target.index])


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """LiMA and the curves."""
    first = PHOTOGRAPHS[0]
    searches = {name: (lima(name, PENDING), lima(name, ALL)) for name in PHOTOGRAPHS}
    needed = int(searches[first][0]["passes"])
    yield paired(
        f"LiMA, {COUNT} regions",
        lambda: lima(first, PENDING),
        lambda: forwards(needed),
        "its own forwards",
        GOAL,
        min(rounds, 3),
        f"{needed} forwards",
    )
    fewer = [plain["passes"] / ours["passes"] for ours, plain in searches.values()]
    differences = [ours["insertion"] - plain["insertion"] for ours, plain in searches.values()]
    yield paired(
        f"LiMA, {COUNT} regions",
        lambda: lima(first, PENDING),
        lambda: lima(first, ALL),
        "plain greedy search, in batches",
        None,
        min(rounds, 3),
    )
    yield BenchmarkRow.exact(
        f"LiMA, {COUNT} regions, calls of the plain search ÷ ours",
        min(fewer),
        "×",
        least=FEWER,
        note=f"the least of {len(searches)} photographs",
    )
    yield BenchmarkRow.exact(
        f"LiMA, {COUNT} regions, insertion area from plain search's, mean of {len(searches)}",
        abs(sum(differences)) / len(differences),
        "",
        most=NEAR,
        note=", ".join(f"{difference:+.3f}" for difference in differences)
        + "; the mean over 20 is in the slow tests",
    )
    yield paired(
        f"LiMA, {COUNT} regions",
        lambda: lima(first, PENDING),
        lambda: one_by_one(first),
        "plain greedy search, image by image",
        None,
        1,
    )
    orders = {str(seed): random_ranks((224, 224), seed) for seed in range(MAPS)}
    count = 2 + MAPS * 2 * 19
    yield paired(
        f"Insertion and deletion of {MAPS} maps",
        lambda: curves(case(), orders),
        lambda: forwards(count),
        "its own forwards",
        GOAL,
        rounds,
        f"{count} forwards, one pass",
    )


def losses(rounds: int) -> Iterator[BenchmarkRow]:
    """Seconds of the cross-loss matrices on a digit."""
    digits = data.load("digits")
    model = load("digits-cnn")
    picture = Example(digits, int(digits.rows("test")[0])).picture()
    digit_case = image_case(model, picture, Crop(), Target(1))
    for samples in (200, 500, 1000):
        name = f"Eight explainers and both cross-loss matrices on a digit, {samples} samples"
        method = LFA(features="pixels", samples=samples)
        yield within(name, lambda m=method: m(digit_case), MATRICES, rounds)
