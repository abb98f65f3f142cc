"""Relabeling as an experiment: noise put on by hand, and images learned under each labeling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine import data as data_sets
from engine.data.relabel import COARSE, ORIGINAL, RANDOM, RELABELINGS, relabeled
from engine.experiment import ExperimentCase
from engine.run import answer
from engine.unlearning import RelabeledVictims
from engine.unlearning.experiments.relabelings import (
    BY_CHANCE,
    CLEAN,
    CLUSTERS,
    LABELS,
    UNIVERSAL,
    WAYS,
    one_for_all,
    under,
)
from engine.unlearning.experiments.victims import LEARNED, RIGHT
from engine.unlearning.protection import ErrorMinimizing, UnlearnableClusters
from tests.engine.unlearning.experiments.by_hand import (
    QUICK,
    SEED,
    noisy,
    right,
    small_case,
    with_images,
)
from tests.outcomes import keep

SMALL = RelabeledVictims(**QUICK, epsilon=24, clusters=3)


def test_every_figure_is_that_of_networks_trained_under_each_labeling_by_hand():
    case = small_case()
    data, result = case.data, SMALL(case)["table"]
    rows = data.rows("train")
    same = np.random.default_rng([SEED, 47]).integers(0, 2, (1, *data.images.shape[1:]))
    random = {row: np.clip(data.images[row] + 24.0 * (2 * same[0] - 1), 0, 255) for row in rows}
    sets = {
        CLEAN: data,
        CLUSTERS: noisy(data, UnlearnableClusters(epsilon=24, clusters=3)),
        BY_CHANCE: noisy(data, UnlearnableClusters(epsilon=24, clusters=3, form="chance")),
        LABELS: noisy(
            relabeled(data, COARSE, SEED),
            ErrorMinimizing(epsilon=24, per="class", rounds=1, stop=0.0),
        ),
        UNIVERSAL: with_images(data, random),
    }
    for labels in RELABELINGS:
        clean = relabeled(data, labels, SEED)
        for way, images in sets.items():
            expected = right(replace(clean, images=images.images), clean)
            row = under(labels, way)
            assert [result.cell(row, column) for column in (RIGHT, LEARNED)] == pytest.approx(
                expected
            )
    assert len(result) == len(RELABELINGS) * len(WAYS)


def test_one_noise_for_all_is_the_same_wherever_images_have_room():
    case = small_case()
    images = case.data.images[case.data.rows("train")].astype(int)
    noise = one_for_all(case, 20)
    room = (images >= 20) & (images <= 235)
    some = room.sum(0) > 1
    high, low = np.where(room, noise, -99).max(0), np.where(room, noise, 99).min(0)
    assert some.any()
    assert (high[some] == low[some]).all()
    assert set(high[some]) == {-20, 20}
    assert ((images + noise >= 0) & (images + noise <= 255)).all()


def test_claims_on_figures_made_by_hand():
    table = {}
    for labels, figures in {
        ORIGINAL: (0.9, 0.5, 0.8, 0.85, 0.9),
        COARSE: (0.95, 0.6, 0.65, 0.4, 0.94),
        RANDOM: (0.9, 0.7, 0.85, 0.7, 0.8),
    }.items():
        table |= {under(labels, way): figure for way, figure in zip(WAYS, figures, strict=True)}
    margins = [claim.margin(lambda row, _: table[row]) for claim in SMALL.claims]
    assert margins == pytest.approx([-0.05, -0.05, 0.3, -0.1, -0.05])


def test_noise_that_protects_nowhere_does_not_fail_because_of_other_labels():
    table = {under(labels, way): 0.9 for labels in RELABELINGS for way in WAYS}
    assert SMALL.claims[3].margin(lambda row, _: table[row]) == pytest.approx(-0.25)


def test_the_picture_has_the_three_labels_of_each_image():
    case = small_case()
    picture = SMALL.picture(case)
    assert np.abs(picture.images[1].astype(int) - picture.images[0]).max() == 24
    rows = case.data.some("train", 8, SEED)
    for row, caption in zip(rows, picture.captions, strict=False):
        labels = [relabeled(case.data, relabeling, SEED) for relabeling in RELABELINGS]
        assert caption == " / ".join(label.classes[label.labels[row]] for label in labels)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_what_survives_other_labels_is_measured_with_three_seeds(measure):
    method = RelabeledVictims()
    result = answer(method, ExperimentCase(data_sets.load(method.data[0])))
    keep(measure, method, result, f"other labels, {method.data[0]}, {method.victim}")
    table = result["table"]
    assert table.cell(under(COARSE, CLEAN), RIGHT) > 0.9
    assert table.cell(under(COARSE, LABELS), RIGHT) < table.cell(under(COARSE, UNIVERSAL), RIGHT)
