"""NOVA's protocol on new phantoms over three seeds: other patients, lesions and normal images."""

from functools import cache

import numpy as np
import pytest
from scipy.stats import binom

from engine.anomaly import Conformal, LesionsCase, Nova
from engine.anomaly.nova import benchmark as nova
from engine.anomaly.nova.benchmark import ALL, KINDS, PIXELS, SWAPPED
from engine.evaluation.measures.segmentation import pixel_auroc
from engine.vision.data.lesions import KINDS as LESIONS
from tests.engine.anomaly.localizers.test_phantoms import shuffled
from tests.outcomes import mean_sd

pytestmark = pytest.mark.slow
SEEDS = range(3)
SHARES = ("mAP@30", "mAP@50", "mAP@[50:95]", "ACC50", "pointing", "AUROC", "AUPRO")
FEATURES = {
    "lite0": "EfficientNet-Lite0",
    "phantom-cnn": "Phantom CNN that learned from such lesions",
}
every = pytest.mark.parametrize("name", KINDS)
both = pytest.mark.parametrize("features", FEATURES)


@cache
def tried(features, name):
    """The table of each seed, whose phantoms are of other patients each time, and its maps."""
    results = []
    for seed in SEEDS:
        data = f"phantoms:count=400,seed={7 + seed}"
        case = LesionsCase.from_arguments(model=features, data=data, seed=seed)
        with pytest.MonkeyPatch.context() as patch:
            kept = kept_figures(patch)
            results.append((Nova(localizer=name)(case)["table"], *kept[0]))
    return tuple(results)


def kept_figures(patch):
    """What the method takes its figures of: images and maps, in the order of its rows."""
    calls, real = [], nova.figures

    def kept(asked, maps, *rest):
        calls.append((asked, maps))
        return real(asked, maps, *rest)

    patch.setattr(nova, "figures", kept)
    return calls


def tables(features, name):
    return tuple(table for table, *_ in tried(features, name))


def over_seeds(found, row, column):
    return np.array([table.cell(row, column) for table in found])


@every
@both
def test_what_is_found_of_each_kind_and_what_by_the_controls(features, name, measure):
    result = tables(features, name)
    where = f"anomaly: NOVA's protocol, {name}, {FEATURES[features]}"
    for row in (*LESIONS[1:], ALL, SWAPPED, PIXELS):
        phrases = [mean_sd(over_seeds(result, row, share)) for share in SHARES]
        hits, false, boxes = (
            int(over_seeds(result, row, column).sum()) for column in ("TP30", "FP30", "boxes")
        )
        measure(
            f"{where}, {row}, 3 seeds: {', '.join(SHARES)}; TP30 and FP30",
            f"{', '.join(phrases)}; {hits} of {boxes} boxes, {false} false",
        )
    for column in ("mAP@30", "pointing", "AUROC", "AUPRO"):
        assert over_seeds(result, SWAPPED, column).mean() < {"AUROC": 0.65}.get(column, 0.25)
    if name != "DictAS":  # untrained, it may lose to pixels alone; its rows show that
        for column in ("mAP@30", "AUROC"):
            other = max(over_seeds(result, row, column).mean() for row in (SWAPPED, PIXELS))
            assert over_seeds(result, ALL, column).mean() > other


@every
@both
def test_images_without_a_lesion_are_flagged_no_more_often_than_promised(features, name, measure):
    result = tables(features, name)
    counts = over_seeds(result, LESIONS[0], "images")
    alarms = int(np.rint(over_seeds(result, LESIONS[0], "flagged") * counts).sum())
    total = int(counts.sum())
    measure(
        f"anomaly: NOVA's protocol, {name}, {FEATURES[features]}, no lesion, 3 seeds: flagged at "
        "5 %",
        f"{alarms} of {total}",
    )
    assert alarms <= binom.ppf(0.995, total, Conformal(np.arange(40.0)).band(0.05, 0.99)[1])


@every
@both
def test_maps_shuffled_within_each_brain_are_near_chance(features, name, measure):
    areas = []
    for _, benchmark, maps in tried(features, name):
        mixed = shuffled(maps, benchmark.heads)
        for at in np.flatnonzero((benchmark.masks & benchmark.heads).any((1, 2))):
            span = slice(at, at + 1)
            areas.append(pixel_auroc(mixed[span], benchmark.masks[span], benchmark.heads[span]))
    measure(
        f"anomaly: NOVA's protocol, {name}, {FEATURES[features]}, shuffled within the brain, "
        "3 seeds: AUROC",
        f"{np.mean(areas):.3f}",
    )
    assert np.mean(areas) == pytest.approx(0.5, abs=0.02)
