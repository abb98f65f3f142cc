"""Walks on MNIST, where they end on digits still called the first, and on photographs.

The bounds on MNIST are those of the specification's own trial, which had 100 sources.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from engine.attribution.lst import LST, PUBLISHED
from engine.attribution.lst.settings import LevelSet
from engine.attribution.lst.traversal import Traversal
from engine.vision import data
from engine.vision.case import ImageCase, PairCase, image_case
from engine.vision.case.target import Target
from engine.vision.images import Crop
from engine.vision.images.samples import SAMPLES, sample
from engine.vision.models.catalog import load

SOURCES = 40


@cache
def pairs():
    """Sources that the model is right about, with two targets of other classes each."""
    digits, model = data.load("mnist-5k"), load("mnist-mlp")
    rng = np.random.default_rng(0)
    rows = rng.permutation(digits.rows("test"))
    labels = digits.targets(rows)
    right = rows[(model.logits(digits.pixels(rows)).argmax(1) == labels).numpy()]
    sources = right[:SOURCES]
    targets = [
        [rng.choice(right[digits.labels[right] != digits.labels[row]]) for row in sources]
        for _ in range(2)
    ]
    return digits, model, sources, np.array(targets)


def walked(settings):
    """All walks to their end, and which steps moved, (steps, walks)."""
    digits, model, sources, targets = pairs()
    method = LST(**PUBLISHED | settings)
    twice = np.concatenate([sources, sources])
    noise = method.noise / 255 * (torch.rand(3, 28, 28, generator=torch.Generator()) - 0.5)
    walk = Traversal(
        model,
        digits.pixels(twice),
        digits.pixels(targets.ravel()),
        digits.targets(twice),
        method.rules(),
        noise,
    )
    moved = torch.stack([walk.step() for _ in range(method.steps)])
    return walk, moved


@pytest.fixture(scope="module")
def whole():
    return walked({})


def distance(images, others):
    return (images - others).square().flatten(1).mean(1).sqrt()


def test_every_walk_keeps_its_confidence_and_most_of_them_arrive(whole):
    walk, _ = whole
    assert (walk.reference - walk.confidence < PUBLISHED["delta"]).all()
    assert float(walk.confidence.mean()) > 0.95
    assert (walk.logits.argmax(1) == walk.classes).all()
    near, far = distance(walk.x, walk.targets), distance(walk.sources, walk.targets)
    assert float((near / far).mean()) < 0.4


def test_to_the_nearest_neighbor_the_ends_are_the_target_s_class(whole):
    digits, _, _, targets = pairs()
    walk, _ = whole
    train = digits.rows("train")
    known = digits.pixels(train)[:, 0].flatten(1)
    nearest = torch.cdist(walk.x[:, 0].flatten(1), known).argmin(1)
    called = digits.labels[train][nearest.numpy()]
    assert (called == digits.labels[targets.ravel()]).mean() > 0.8


def test_straight_back_to_the_source_confidence_holds_and_to_the_raw_target_it_does_not(whole):
    walk, _ = whole

    def path_mean(ends):
        shares = torch.linspace(0, 1, 11)
        probabilities = [
            walk.model.logits(torch.lerp(walk.sources, ends, float(share))).softmax(1)
            for share in shares
        ]
        confidences = torch.stack(probabilities)[:, torch.arange(len(ends)), walk.classes]
        return float(confidences.mean())

    assert path_mean(walk.x) > 0.95
    assert path_mean(walk.targets) < 0.6


def test_without_its_memory_the_walk_rides_on_the_bound_and_is_rejected_often(whole):
    with_memory, moved = whole
    without, moved_without = walked({"epsilon": None})
    assert float(moved.float().mean()) > float(moved_without.float().mean()) + 0.3
    assert float(without.confidence.mean()) < float(with_memory.confidence.mean()) - 0.1


PAIRS = (
    ("chelsea", "china"),
    ("coffee", "chelsea"),
    ("rocket", "coffee"),
    ("camera", "china"),
    ("motorcycle", "flower"),
    ("china", "rocket"),
    ("flower", "camera"),
    ("chelsea", "motorcycle"),
    ("camera", "rocket"),
    ("china", "coffee"),
)
DELTA = PUBLISHED["delta"]


NAMES = tuple(photograph.name for photograph in SAMPLES)
DERANGED = tuple(zip(NAMES, NAMES[1:] + NAMES[:1], strict=True))  # each image once on either side


@cache
def image(name, model="lite0"):
    return image_case(load(model), sample(name), Crop(), Target(0)).image


def pair(source, target, name="lite0"):
    model = load(name)
    predicted = int(model.logits(image(source, name)[None])[0].argmax())
    return PairCase(
        ImageCase(model, image(source, name), Target(predicted)), (image(target, name),)
    )


def lowest(case, end, points=101):
    """The lowest confidence on the straight segment from the source to an end."""
    shares = torch.linspace(0, 1, points)[:, None, None, None]
    segment = torch.lerp(case.source.image[None], end[None], shares)
    return float(case.model.logits(segment).softmax(1)[:, case.source.target.index].min())


@pytest.mark.slow
def test_on_ten_pairs_the_walk_ends_at_the_target_and_the_segment_back_holds(measure):
    good = 0
    for source, target in PAIRS:
        case = pair(source, target)
        result = LST(**PUBLISHED)(case)
        readings = dict(zip(result["figures"].columns, result["figures"].values[0], strict=True))
        p0, rmse = readings["source's confidence"], readings["RMSE to target"]
        blind = lowest(case, torch.tensor(result["end"].frames[0]))
        raw = lowest(case, case.others[0])
        meets = rmse < 0.03 and blind > p0 - DELTA and raw < 0.3 * p0
        good += meets
        end = readings["end's confidence"]
        measure(
            f"Level sets, {source} → {target}, paper's settings",
            f"confidence {p0:.3f} → {end:.3f}, RMSE to target {rmse:.4f}; lowest on the segment "
            f"to the blind spot {blind:.3f}, to the raw target {raw:.4f}"
            + ("" if meets else " (not met)"),
        )
    measure("Level sets, pairs of ten that meet issue 3 point 3", f"{good}")
    assert good >= 8


@pytest.mark.slow
def test_adaptive_steps_come_as_near_in_half_as_many_without_leaving_the_band(measure):
    left, falls = {}, []
    for adaptive, steps in ((False, PUBLISHED["steps"]), (True, PUBLISHED["steps"] // 2)):
        walk = walked_together(LST(**PUBLISHED | {"adaptive": adaptive}))
        for _ in range(steps):
            moved = walk.step()
            falls.extend((walk.reference - walk.confidence)[moved].tolist())
        left[adaptive] = (walk.x - walk.targets).square().flatten(1).mean(1).sqrt()
    ratio = (left[True] / left[False]).tolist()
    for (source, target), factor in zip(PAIRS, ratio, strict=True):
        measure(
            f"Level sets, adaptive, half the steps, {source} → {target}", f"RMSE × {factor:.2f}"
        )
    assert max(falls) < DELTA
    assert sum(factor <= 1 for factor in ratio) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lite0", "lite1"])
def test_over_all_shipped_photographs_the_end_looks_like_the_target_to_us_and_not_to_the_model(
    name, measure
):
    """The paper's table: how near the ends are to their targets, and what the model says there."""
    walk = walked_together(LST(**PUBLISHED), DERANGED, name)
    start = walk.confidence.clone()
    for _ in range(PUBLISHED["steps"]):
        walk.step()
    difference = walk.x - walk.targets
    before = (
        torch.stack([image(photograph, name) for photograph, _ in DERANGED]) - walk.targets
    ).square()
    alike = [
        structural_similarity(
            reached.permute(1, 2, 0).numpy(),
            other.permute(1, 2, 0).numpy(),
            channel_axis=2,
            data_range=1.0,
        )
        for reached, other in zip(walk.x, walk.targets, strict=True)
    ]
    columns = {
        "confidence at the source": start,
        "at the end": walk.confidence,
        "RMSE to the target at the source": before.flatten(1).mean(1).sqrt(),
        "RMSE at the end": difference.square().flatten(1).mean(1).sqrt(),
        "largest difference": difference.abs().flatten(1).amax(1),
        "SSIM": torch.tensor(alike),
    }
    sentence = "; ".join(
        f"{what} {column.mean():.3f} ± {column.std():.3f}" for what, column in columns.items()
    )
    measure(
        f"Level sets, table over {len(DERANGED)} photographs, {name}, paper's settings", sentence
    )
    assert (start - walk.confidence).max() < DELTA
    assert (columns["RMSE at the end"] < 0.5 * columns["RMSE to the target at the source"]).all()


def walked_together(
    method: LevelSet, pairs: Sequence[tuple[str, str]] = PAIRS, name: str = "lite0"
) -> Traversal:
    cases = [pair(*names, name) for names in pairs]
    return Traversal(
        load(name),
        torch.stack([case.source.image for case in cases]),
        torch.stack([case.others[0] for case in cases]),
        torch.tensor([case.source.target.index for case in cases]),
        method.rules(),
        method.start_noise(cases[0].source),
    )
