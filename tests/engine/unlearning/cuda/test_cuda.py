"""The CUDA experiment: figures of networks trained by hand, and the paper's claims at its scale."""

from dataclasses import replace

import numpy as np
import pytest

from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
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
from engine.vision.training import Recipe, fresh, outputs, train
from tests import tiny
from tests.outcomes import OUTCOMES_HERE, keep

SMALL = CudaExperiment(seeds=1, epochs=12, victim="MLP")


def small_case(seed=3):
    return ExperimentCase(tiny.columns(8, ("a", "b", "c")), seed)


def filtered(data, split, label_of, key):
    """The data with the filter of `label_of(label)` on every image of a split, one by one."""
    kernels = draw_filters(legacy(key), len(data.classes), 0.3, 3)
    images = data.images.copy()
    for row in data.rows(split):
        images[row] = convolved(images[row][None], kernels[label_of(data.labels[row])])[0]
    return replace(data, images=images)


def trained_by_hand(data, seed):
    recipe = Recipe(
        "mlp", epochs=12, batch=32, optimizer="AdamW", rate=0.003, decay=0.01, schedule="one cycle"
    )
    model = fresh(data, recipe, seed)
    train(model, data, recipe, seed)
    return model


def share(model, data, split, expected=lambda label: label):
    rows = data.rows(split)
    labels = [expected(label) for label in data.labels[rows]]
    return np.mean(outputs(model, data, rows).argmax(1).numpy() == labels)


def test_of_many_classes_one_image_each_is_in_the_picture():
    data = data_sets.load("digits")
    assert data.labels[first_of_each(data)].tolist() == list(range(10))


def test_every_figure_is_that_of_networks_trained_and_tested_by_hand():
    case = small_case()
    result = SMALL(case)["table"]
    data, key = case.data, case.seed
    trainings = {
        CLEAN: data,
        PROTECTED: filtered(data, "train", lambda label: label, key),
        ONE_FILTER: filtered(data, "train", lambda _: 0, key),
    }
    filtered_test = filtered(data, "test", lambda label: label, key)
    other = filtered(data, "test", lambda label: (label + 1) % 3, key)
    for row, learned in trainings.items():
        model = trained_by_hand(learned, key)
        expected = {
            RIGHT: share(model, data, "test"),
            WITH_OWN: share(model, filtered_test, "test"),
            WITH_NEXT: share(model, other, "test", lambda label: (label + 1) % 3),
            LEARNED: share(model, learned, "train"),
        }
        assert {name: result.cell(row, name) for name in expected} == pytest.approx(expected)
    measures = (RIGHT, WITH_OWN, WITH_NEXT, LEARNED)
    figures = {tuple(result.cell(row, name) for name in measures) for row in trainings}
    assert len(figures) > 1  # the conditions differ


def test_the_picture_shows_clean_filter_protected_and_difference():
    case = small_case()
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
    result = CudaExperiment(seeds=1, epochs=2, victim="MLP", strength=0.0)(small_case())["table"]
    for name in (RIGHT, WITH_OWN):
        assert len({result.cell(row, name) for row in result.rows}) == 1


def test_a_network_that_reads_the_filter_makes_every_claim_but_the_control_s_hold():
    """The claims' margins on figures made by hand, as the paper has them."""
    table = {
        CLEAN: {RIGHT: 0.9},
        PROTECTED: {RIGHT: 0.2, WITH_OWN: 1.0, WITH_NEXT: 0.9, LEARNED: 1.0},
        ONE_FILTER: {RIGHT: 0.6},
    }
    margins = [claim.margin(lambda row, name: table[row][name]) for claim in CudaExperiment.claims]
    assert margins == pytest.approx([0.05, 0.25, 0.1, 0.3, -0.25])


@pytest.mark.slow
def test_what_the_paper_claims_is_measured_with_three_seeds(measure):
    method = CudaExperiment()
    result = answer(method, ExperimentCase(data_sets.load(method.data[0])))
    table = result["table"]
    keep(measure, method, result, f"CUDA, {method.data[0]}, {method.victim}", OUTCOMES_HERE)
    assert table.cell(CLEAN, RIGHT) > 0.95
    assert table.cell(PROTECTED, LEARNED) > 0.95
    assert table.cell(PROTECTED, RIGHT) < table.cell(CLEAN, RIGHT) - 0.2
    assert table.cell(PROTECTED, WITH_NEXT) > table.cell(CLEAN, WITH_NEXT) + 0.2
