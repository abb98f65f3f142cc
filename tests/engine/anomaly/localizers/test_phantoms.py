"""Localizers on phantoms, by features that never saw one, over three seeds, within the brain."""

from functools import cache

import numpy as np
import pytest
from scipy.stats import binom
from torch import tensor
from torch.nn import functional as F

from engine.anomaly import LOCALIZERS, Conformal, DictAS, FamiliarCase, PaDiM, PatchCore
from engine.evaluation.detection import sources
from engine.evaluation.detection.healthy import TWINS
from engine.evaluation.detection.rows import as_seen
from engine.evaluation.measures.segmentation import aupro, pixel_auroc
from engine.vision.data import load
from engine.vision.data.lesions import KINDS
from engine.vision.models import catalog

pytestmark = pytest.mark.slow
SEEDS, SLICES = range(3), 16  # slices of each seed, as many of each kind
AIR = 12  # of 255, below which nothing is brain
WHERE = "anomaly: {} on phantoms, EfficientNet-Lite0"
every = pytest.mark.parametrize("kind", LOCALIZERS, ids=lambda kind: kind.name)


@cache
def tried(kind, seed, name="lite0"):
    """Rows of test slices, their maps (n, 96, 96), and the p-values of their healthy twins."""
    model, data, twins = catalog.load(name), load("phantoms"), sources.normal(TWINS)
    rows = data.some("test", SLICES, seed)
    maps, calm = [], []
    for row in rows:
        group = int(data.truth["group"][row])
        for dataset in (data, twins):
            image = as_seen(dataset.take(np.array([row])), slice(None), model.side)[0].contiguous()
            result = kind()(FamiliarCase(model, image, twins, None, group, seed))
            if dataset is twins:
                calm.append(float(result["figures"]["p"][0]))
                continue
            heat = F.adaptive_avg_pool2d(tensor(result["map"].values)[None, None], data.side)
            maps.append(heat[0, 0].numpy())
    return rows, np.stack(maps), np.array(calm)


def truth(rows):
    data = load("phantoms")
    return data.truth["mask"][rows], data.truth["twin"][rows, 0] > AIR, data.labels[rows]


def shuffled(maps, brains):
    """Each map with its brain's pixels in another order."""
    rng, result = np.random.default_rng(0), maps.copy()
    for heat_map, brain in zip(result, brains, strict=True):
        heat_map[brain] = rng.permutation(heat_map[brain])
    return result


def mean_of(kind, score):
    """The mean over seeds of a score of maps, masks, brains and kinds."""
    results = []
    for seed in SEEDS:
        rows, maps, _ = tried(kind, seed)
        results.append(score(maps, *truth(rows)))
    return float(np.mean(results)), float(np.std(results, ddof=1))


@every
def test_lesions_are_found_within_the_brain(kind, measure):
    title = f"{WHERE.format(kind.name)}, 40 healthy twins"
    area, spread = mean_of(kind, lambda maps, masks, brains, _: pixel_auroc(maps, masks, brains))
    overlap, other = mean_of(kind, lambda maps, masks, brains, _: aupro(maps, masks, brains))
    measure(f"{title}: pixel AUROC within the brain, 3 seeds", f"{area:.3f} ± {spread:.3f}")
    measure(f"{title}: AUPRO within the brain, 3 seeds", f"{overlap:.3f} ± {other:.3f}")
    for number, name in enumerate(KINDS[1:], 1):

        def of_kind(maps, masks, brains, kinds, number=number, score=pixel_auroc):
            members = kinds == number
            return score(maps[members], masks[members], brains[members])

        auroc = mean_of(kind, of_kind)[0]
        region = mean_of(kind, lambda *parts, of=of_kind: of(*parts, score=aupro))[0]
        measure(f"{title}: {name} lesions, pixel AUROC and AUPRO", f"{auroc:.3f}, {region:.3f}")
    assert area > {PatchCore: 0.87, PaDiM: 0.82, DictAS: 0.78}[kind]


@every
def test_shuffled_maps_are_near_chance_within_each_brain(kind, measure):
    def each(maps, masks, brains, _):
        mixed = shuffled(maps, brains)
        areas = [
            pixel_auroc(*(array[at : at + 1] for array in (mixed, masks, brains)))
            for at in range(len(maps))
            if (masks[at] & brains[at]).any()
        ]
        return float(np.mean(areas))

    area, _ = mean_of(kind, each)
    measure(f"{WHERE.format(kind.name)}, shuffled within the brain: AUROC", f"{area:.3f}")
    assert area == pytest.approx(0.5, abs=0.03)


@every
def test_healthy_twins_raise_no_more_alarms_than_promised(kind, measure):
    p = np.concatenate([tried(kind, seed)[2] for seed in SEEDS])
    alarms = int((p <= kind().alpha).sum())
    measure(
        f"{WHERE.format(kind.name)}: healthy slices flagged at 5 %, 3 seeds",
        f"{alarms} of {len(p)}",
    )
    assert alarms <= binom.ppf(0.995, len(p), Conformal(np.arange(40.0)).band(0.05, 0.99)[1])
