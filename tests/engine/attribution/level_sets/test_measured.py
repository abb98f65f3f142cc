"""What issue 3 asks for on photographs: ten pairs on EfficientNet-Lite0, with the paper's settings.

Minutes each, so slow. The figures go into docs/measured.md:
python -m pytest -m slow tests/engine/attribution/level_sets/test_measured.py --timeout 3600
"""

from collections.abc import Sequence
from functools import cache

import pytest
import torch
from skimage.metrics import structural_similarity

from engine.attribution.level_sets import LST, PUBLISHED
from engine.attribution.level_sets.settings import LevelSet
from engine.attribution.level_sets.traversal import Traversal
from engine.case import ImageCase, PairCase, image_case
from engine.case.target import Target
from engine.images import Crop
from engine.images.samples import SAMPLES, sample
from engine.models.catalog import load

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
        walk = walked(LST(**PUBLISHED | {"adaptive": adaptive}))
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
    walk = walked(LST(**PUBLISHED), DERANGED, name)
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


def walked(
    method: LevelSet, pairs: Sequence[tuple[str, str]] = PAIRS, name: str = "lite0"
) -> Traversal:
    """All pairs as one batch."""
    cases = [pair(*names, name) for names in pairs]
    return Traversal(
        load(name),
        torch.stack([case.source.image for case in cases]),
        torch.stack([case.others[0] for case in cases]),
        torch.tensor([case.source.target.index for case in cases]),
        method.rules(),
        method.start_noise(cases[0].source),
    )
