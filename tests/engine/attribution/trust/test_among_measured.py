"""What the GP-UNet that ships outlines of a hundred test slices, beside its controls."""

from dataclasses import replace

import numpy as np
import pytest

from engine.attribution.heatmaps.grad_cam import GradCam
from engine.attribution.heatmaps.own_map import OwnMap
from engine.attribution.study import study_case
from engine.attribution.trust import AmongOthers, TrustCase
from engine.attribution.trust.among import CHANCE, DICE, IOU, POINTS, outline_scores
from engine.attribution.trust.controls import PLAIN, SHUFFLED, STUDIED, controls
from engine.case import ImageCase
from engine.case.target import Target
from engine.data import load as load_data
from engine.models.catalog import data_of, load

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

OWN_MAP, CAM, AGAINST = OwnMap.title, "Grad-CAM", "Grad-CAM against the second best class"


@pytest.fixture(scope="module")
def figures():
    """Dice, IoU, hits and chance on the same slices, (images, 4) for each map."""
    image = study_case("own", count=1).images[0]
    model = load(STUDIED)
    image_case = ImageCase(model, image.image, Target(image.labels[0]))
    trust_case = TrustCase(image_case, OwnMap(), image.masks[0], data_of(model))
    cases = {
        OWN_MAP: trust_case,
        CAM: replace(trust_case, method=GradCam()),
        **controls(trust_case),
    }
    tables = {name: AmongOthers()(case)["others"] for name, case in cases.items()}
    results = {
        name: np.stack([table[what] for what in (DICE, IOU, POINTS, CHANCE)], 1)
        for name, table in tables.items()
    }
    return results | {
        AGAINST: np.array(list(against_the_second_best(image_case, trust_case.others)))
    }


def against_the_second_best(asked, others):
    """Grad-CAM of the class's score less that of the other class which the model sees first."""
    for question, mask in AmongOthers().others(asked, load_data(others)):
        label = question.target.index
        logits = asked.model.logits(question.image[None])[0]
        logits[label] = -np.inf
        target = replace(question.target, versus=int(logits.argmax()))
        yield outline_scores(GradCam()(replace(question, target=target)), mask)


def test_its_outline_is_no_chance_and_an_equal_network_outlines_more(figures, measure):
    for name, rows in figures.items():
        dice, iou, _, _ = np.median(rows, 0)
        hits, chance = rows[:, 2].sum(), rows[:, 3].sum()
        measure(
            f"GP-UNet that ships, {len(rows)} test slices: {name}",
            f"median Dice {dice:.2f}, IoU {iou:.2f}; points inside on {hits:.0f}, "
            f"by chance on {chance:.0f}",
        )
    medians = {name: np.median(rows[:, 0]) for name, rows in figures.items()}
    hits = {name: rows[:, 2].mean() for name, rows in figures.items()}
    assert medians[SHUFFLED] < 0.05 < medians[OWN_MAP] < medians[PLAIN]
    assert hits[SHUFFLED] < 0.1
    assert hits[OWN_MAP] > 0.6
    assert hits[CAM] < hits[AGAINST]  # all classes share most of a class's own score
    assert medians[CAM] < medians[AGAINST]
