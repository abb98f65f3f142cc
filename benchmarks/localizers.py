"""PatchCore against anomalib's on the same features of phantoms, and what its visitor waits for.

Both are given what two layers of EfficientNet-Lite0 make of slices, and pool, join, choose a
coreset, search, reweight, enlarge and blur. Theirs enlarges by repeating values, as it comes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.setting import case
from benchmarks.table import BenchmarkRow
from benchmarks.timing import as_people_do, paired, timed, within
from engine.anomaly import FVR, FamiliarCase, PatchCore
from engine.anomaly.localizers.localizer import PatchRule
from engine.anomaly.localizers.patches import Maps, NormalPatches, layers_at, maps_of
from engine.core.result import Floats
from engine.evaluation.detection.rows import as_seen
from engine.evaluation.measures.segmentation import pixel_auroc
from engine.vision import data
from engine.vision.case import model_input
from engine.vision.data import DataSet
from engine.vision.data.example import Example
from engine.vision.images import Crop
from engine.vision.models.catalog import load

PHANTOMS = "phantoms:count=300"
NORMALS, ODD, AT_ONCE = 40, 40, 8  # images
NEAR = 0.005  # of an area
AIR = 12  # of 255, below which nothing is brain
WAIT, HEAD = 0.5, 60.0  # seconds
AGAINST = "anomalib on the same features"


@dataclass(frozen=True, eq=False)
class Slices:
    """What the layers make of healthy slices, and of others with lesions.

    Args:
        normal: of the healthy ones to fit to.
        odd: of the others.
        twins, lesions: the images.
        rows: of the others.
    """

    normal: Maps
    odd: Maps
    twins: DataSet
    lesions: DataSet
    rows: NDArray[np.int64]


@cache
def slices() -> Slices:
    """Healthy train slices, and test slices of other patients."""
    model, lesions, twins = case().model, data.load(PHANTOMS), data.load(f"{PHANTOMS}+healthy")
    layers = layers_at(model, PatchCore().depth)
    fit, test_rows = twins.rows("train")[:NORMALS], lesions.rows("test")[:ODD]
    maps = [
        maps_of(model, as_seen(data_set.take(chosen_rows), slice(None), model.side), layers)
        for data_set, chosen_rows in ((twins, fit), (lesions, test_rows))
    ]
    return Slices(maps[0], maps[1], twins, lesions, test_rows)


def lesion_case(at: int, seed: int = 0) -> FamiliarCase:
    """One of the slices with a lesion, among the healthy ones."""
    slice_set, model = slices(), case().model
    row = slice_set.rows[at]
    image = as_seen(slice_set.lesions.take(np.array([row])), slice(None), model.side)[0]
    group = int(slice_set.lesions.truth["group"][row])
    return FamiliarCase(model, image, slice_set.twins, group=group, seed=seed)


@dataclass(frozen=True)
class OurPatchCore:
    """The method as it is, on maps."""

    method: PatchCore = field(default_factory=PatchCore)

    def fitted(self, seed: int) -> PatchRule:
        """To the healthy slices."""
        none = np.empty(0, np.int64)
        no_held_out = tuple(layer[:0] for layer in slices().normal)
        normal = NormalPatches(slices().normal, no_held_out, none, none)
        return self.method.fit(lesion_case(0, seed), normal)

    def scored(self, rule: PatchRule, maps: Maps) -> tuple[Floats, Tensor]:
        """Maps (n, side, side) and a score of each image."""
        distances, scores = rule.judged(maps)
        return self.method.smooth(distances, case().model.side), scores


class GivenFeatures(nn.Module):
    """In the place of anomalib's feature extractor: gives what was computed before."""

    def __init__(self) -> None:
        super().__init__()
        self.maps: Maps = ()

    def forward(self, _: Tensor) -> dict[str, Tensor]:
        """The layers by name."""
        return dict(zip(("layer1", "layer2"), self.maps, strict=True))


class TheirPatchCore:
    """anomalib's model with our features."""

    def __init__(self, model_kind: Callable[..., Any]) -> None:
        self.kind = model_kind
        self.share = PatchCore().coreset or 0

    def fitted(self, seed: int) -> Any:
        """To the healthy slices."""
        torch.manual_seed(seed)
        model = self.kind(
            ["layer1", "layer2"], "resnet18", pre_trained=False, num_neighbors=PatchCore().neighbors
        )
        model.feature_extractor = GivenFeatures()
        self.forward(model.train(), slices().normal)
        count = sum(len(embedding) for embedding in model.embedding_store)
        model.subsample_embedding((self.share + 0.5) / count)  # it rounds down
        return model.eval()

    def forward(self, model: Any, maps: Maps) -> Any:
        """Its own forward pass, from the features on."""
        side = case().model.side
        model.feature_extractor.maps = maps
        with torch.inference_mode():
            return model(torch.empty(len(maps[0]), 1, side, side))


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """Against anomalib where it is there, and what a visitor waits for."""
    try:
        from anomalib.models.image.patchcore.torch_model import PatchcoreModel
    except ImportError:
        yield BenchmarkRow.not_measured(
            f"PatchCore, against {AGAINST}", "anomalib is not installed"
        )
    else:
        yield from against_anomalib(PatchcoreModel, rounds)
    yield from waits(rounds)


def against_anomalib(model_kind: Callable[..., Any], rounds: int) -> Iterator[BenchmarkRow]:
    """Fit, scores of one image and of several, and the area."""
    ours, theirs = OurPatchCore(), TheirPatchCore(model_kind)
    coreset_words = f"{ours.method.coreset} patches kept"
    rules: list[PatchRule] = []
    models: list[Any] = []
    yield paired(
        f"PatchCore: fit to {NORMALS} slices, {coreset_words}",
        lambda: rules.append(ours.fitted(len(rules))),
        as_people_do(lambda: models.append(theirs.fitted(len(models)))),
        AGAINST,
        1.0,
        max(2, rounds // 2),
    )
    for count in (1, AT_ONCE):
        odd_maps = tuple(layer[:count].contiguous() for layer in slices().odd)
        yield paired(
            f"PatchCore: maps and scores, {count} at a time, {coreset_words}",
            partial(ours.scored, rules[0], odd_maps),
            as_people_do(partial(theirs.forward, models[0], odd_maps)),
            AGAINST,
            1.5,
            10 * rounds,
        )
    yield areas(ours, theirs, rules, models)


def areas(
    ours: OurPatchCore, theirs: TheirPatchCore, rules: list[PatchRule], models: list[Any]
) -> BenchmarkRow:
    """Pixel AUROC within the brain of both, over coresets that begin at other patches."""
    odd = slices().odd
    our_area = np.mean([area(ours.scored(rule, odd)[0]) for rule in rules])
    their_area = np.mean([area(theirs.forward(m, odd).anomaly_map[:, 0].numpy()) for m in models])
    return BenchmarkRow.exact(
        f"PatchCore: pixel AUROC within the brain, from {AGAINST}",
        abs(our_area - their_area),
        "",
        most=NEAR,
        note=f"{our_area:.4f} and theirs {their_area:.4f} over {len(rules)} coresets",
    )


def area(maps: Floats) -> float:
    """How well maps (n, side, side) tell lesions from the rest of the brain."""
    truth, lesion_rows = slices().lesions.truth, slices().rows
    small = F.adaptive_avg_pool2d(torch.tensor(maps), slices().lesions.side).numpy()
    return pixel_auroc(small, truth["mask"][lesion_rows], truth["twin"][lesion_rows, 0] > AIR)


def waits(rounds: int) -> Iterator[BenchmarkRow]:
    """A new image's map, and the head that tells confusion from ignorance."""
    method = PatchCore()
    method(lesion_case(0))  # the normal images are looked at, and the coreset is chosen
    yield BenchmarkRow.of(
        f"A new image's map, PatchCore on {case().model.title}, {method.coreset} patches kept",
        [timed(partial(method, lesion_case(at))) for at in range(1, 2 * rounds + 1)],
        "s",
        most=WAIT,
    )
    digits, model = data.load("digits"), load("digits-cnn")
    image = model_input(Example(digits, int(digits.rows("test")[0])).picture(), Crop(), model)
    learning = partial(FVR(), FamiliarCase(model, image, digits))
    name = "Confusion or ignorance of a digit, with its head learned"
    yield within(name, learning, HEAD, 1, note=f"from {len(digits.rows('train'))} others")
