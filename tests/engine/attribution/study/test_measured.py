"""The study over three seeds of images: what holds of the sheet's bands, and all its figures."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from torch.nn import functional as F

from engine.attribution.study import Study, ranking, study_case, things
from engine.attribution.study.images import sample_images
from engine.attribution.study.measure import RANDOM
from engine.attribution.study.methods import TITLES
from engine.evaluation.maps.class_activation import chosen_layer, enlarged, maps_and_gradients
from engine.evaluation.maps.grad_cam import grad_cam
from engine.evaluation.measures.localization import located
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from tests.outcomes import mean_sd

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

SEEDS = 3
IMAGES = 8
DRAWS = 1
MANY = 60  # scenes for Grad-CAM alone


@cache
def tables(source):
    """A table for each seed."""
    return [Study(draws=DRAWS)(study_case(source, IMAGES, seed))["table"] for seed in range(SEEDS)]


def figures(source, name, metric):
    """One figure for each seed."""
    return np.array([table.cell(name, metric) for table in tables(source)])


@pytest.mark.parametrize("source", ["scenes", "phantoms"])
def test_the_ranking_over_three_seeds_is_kept(source, measure):
    head = f"Study of ten methods, {source}, {SEEDS} × {IMAGES} images"
    left_out = {"seconds", "area share", *ranking.SOME}
    metric_names = [metric.name for metric in ranking.METRICS if metric.name not in left_out]
    for name, title in TITLES.items():
        parts = [f"{metric} {mean_sd(figures(source, name, metric))}" for metric in metric_names]
        measure(f"{head}: {title}", "; ".join(parts))
    ranks = [
        np.mean(
            [
                ranking.rank_values(np.array([table.cell(name, metric) for name in TITLES]), better)
                for metric, better in zip(ranking.RELIABLE, (1, -1, -1), strict=True)
            ],
            axis=0,
        )
        for table in tables(source)
    ]
    mean = np.mean(ranks, axis=0)
    ordered = sorted(zip(mean, TITLES.values(), strict=True))
    measure(f"{head}: reliability, mean rank", ", ".join(f"{t} {m:.1f}" for m, t in ordered))
    assert len({round(float(value), 6) for value in mean}) > 5


@pytest.mark.parametrize("name", ranking.TRUSTED)
def test_the_three_that_the_paper_trusts_point_at_things_in_scenes(name):
    assert figures("scenes", name, "pointing game").mean() >= ranking.POINTING_SHARE


def pointing(model, shrink=1):
    """How often Grad-CAM's peak lies on the thing, its cells averaged `shrink` × `shrink`."""
    hits = []
    for image in sample_images("scenes", MANY, 0, model):
        for label, mask in zip(image.labels, image.masks, strict=True):
            image_case = ImageCase(model, image.image, Target(label))
            cells = grad_cam(*maps_and_gradients(image_case, chosen_layer(image_case, None))).relu()
            cells = F.avg_pool2d(cells[None, None], shrink)[0, 0]
            hits.append(located(enlarged(cells, image_case).numpy(), mask).hit)
    return float(np.mean(hits))


def test_grad_cam_points_as_well_as_its_cells_are_fine(measure):
    fine = pointing(things.load())
    halved = pointing(things.load(), shrink=2)
    coarse = things.train_network(replace(things.RECIPE, architecture="phantom_cnn"))
    result = pointing(coarse)
    head = f"Grad-CAM's pointing game, {MANY} scenes"
    measure(f"{head}, last maps of 16 × 16 (ships)", f"{fine:.3f}")
    measure(f"{head}, the same maps averaged to 8 × 8", f"{halved:.3f}")
    f1 = things.figures(coarse)["micro-F1, clear things"]
    measure(f"{head}, last maps of 8 × 8, same recipe", f"{result:.3f} (micro-F1 {f1:.3f})")
    assert fine - halved > 0.1
    assert halved - result > 0.1


@pytest.mark.parametrize("source", ["scenes", "phantoms"])
def test_a_random_map_points_at_the_thing_as_often_as_its_share(source):
    chance = figures(source, RANDOM, "area share").mean()
    pairs = sum(table.cell(RANDOM, "maps") for table in tables(source))
    spread = np.sqrt(chance * (1 - chance) / pairs)
    hits = figures(source, RANDOM, "pointing game").mean()
    assert abs(hits - chance) < 4 * spread
    assert figures(source, RANDOM, "relevance mass").mean() == pytest.approx(chance, rel=0.1)
