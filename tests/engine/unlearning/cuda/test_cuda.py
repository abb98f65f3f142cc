"""The CUDA experiment: figures of networks trained by hand, and the paper's claims at its scale."""

import numpy as np
import pytest

from engine.unlearning import CudaExperiment
from engine.unlearning.cuda.experiment import (
    CLEAN,
    LEARNED,
    ONE_FILTER,
    PROTECTED,
    RIGHT,
    WITH_NEXT,
    WITH_OWN,
    first_of_each,
)
from engine.vision import data as data_sets
from engine.vision.data.protect import convolved, draw_filters, legacy
from tests.engine.unlearning.protection import by_hand
from tests.outcomes import OUTCOMES_HERE, margins_of, measured

SMALL = CudaExperiment(seeds=1, epochs=12, victim="MLP")


def test_of_many_classes_one_image_each_is_in_the_picture():
    data = data_sets.load("digits")
    assert data.labels[first_of_each(data)].tolist() == list(range(10))


def test_every_figure_is_that_of_networks_trained_and_tested_by_hand():
    case = by_hand.small_case()
    data, result = case.data, SMALL(case)["table"]
    trainings = {
        CLEAN: data,
        PROTECTED: by_hand.filtered(data, "train", lambda label: label),
        ONE_FILTER: by_hand.filtered(data, "train", lambda _: 0),
    }
    own = by_hand.filtered(data, "test", lambda label: label)
    following = by_hand.filtered(data, "test", lambda label: (label + 1) % 3)
    for row, learned in trainings.items():
        model = by_hand.trained(learned, 12)
        expected = {
            RIGHT: by_hand.share(model, data, "test"),
            WITH_OWN: by_hand.share(model, own, "test"),
            WITH_NEXT: by_hand.share(model, following, "test", 1),
            LEARNED: by_hand.share(model, learned, "train"),
        }
        assert {name: result.cell(row, name) for name in expected} == pytest.approx(expected)
    figures = {tuple(result.cell(row, name) for name in expected) for row in trainings}
    assert len(figures) > 1  # the conditions differ


def test_the_picture_shows_clean_filter_protected_and_difference():
    case = by_hand.small_case()
    picture = SMALL.picture(case)
    assert picture.rows == ("clean", "filter of the class", "protected", "difference × 3")
    kernels = draw_filters(legacy(case.seed), 3, 0.3, 3)
    for column, name in enumerate(picture.columns):
        clean, filters, protected, change = picture.images[:, column].astype(int)
        label = case.data.classes.index(name)
        expected = convolved(clean.transpose(2, 0, 1)[None].astype(np.uint8), kernels[label])[0]
        assert (protected == expected.transpose(1, 2, 0)).all()
        assert (change == np.clip(128 + 3 * (protected - clean), 0, 255)).all()
        assert filters[0, 0, 0] == round(255 * float(kernels[label][0, 0]))
        assert filters[-1, -1, 0] == round(255 * float(kernels[label][-1, -1]))


def test_at_strength_zero_protection_is_clean_training():
    method = CudaExperiment(seeds=1, epochs=2, victim="MLP", strength=0.0)
    result = method(by_hand.small_case())["table"]
    for name in (RIGHT, WITH_OWN):
        assert len({result.cell(row, name) for row in result.rows}) == 1


def test_a_network_that_reads_the_filter_makes_every_claim_but_the_control_s_hold():
    table = {
        CLEAN: {RIGHT: 0.9},
        PROTECTED: {RIGHT: 0.2, WITH_OWN: 1.0, WITH_NEXT: 0.9, LEARNED: 1.0},
        ONE_FILTER: {RIGHT: 0.6},
    }
    expected = pytest.approx([0.05, 0.25, 0.1, 0.3, -0.25])
    assert margins_of(CudaExperiment.claims, table) == expected


@pytest.mark.slow
def test_what_the_paper_claims_is_measured_with_three_seeds(measure):
    method = CudaExperiment()
    where = f"CUDA, {method.data[0]}, {method.victim}"
    table = measured(measure, method, where, OUTCOMES_HERE)["table"]
    assert table.cell(CLEAN, RIGHT) > 0.95
    assert table.cell(PROTECTED, LEARNED) > 0.95
    assert table.cell(PROTECTED, RIGHT) < table.cell(CLEAN, RIGHT) - 0.2
    assert table.cell(PROTECTED, WITH_NEXT) > table.cell(CLEAN, WITH_NEXT) + 0.2
