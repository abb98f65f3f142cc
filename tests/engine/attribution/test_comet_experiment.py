"""COMET with and without its detector: every figure by hand, margins, and what was measured."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine import data as data_sets
from engine.attribution.experiments import comet
from engine.attribution.heatmaps.grad_cam import GradCam
from engine.case import ImageCase
from engine.case.target import Target
from engine.experiment import ExperimentCase, Trained
from engine.measures.outlines import outlined
from engine.run import answer
from engine.training import Recipe, comet_loss, detector_of, fresh, train
from tests import outcomes

SMALL = comet.CometExperiment(seeds=1, epochs=2)


def small_case(seed=3):
    return ExperimentCase(data_sets.load("twice:count=80,side=24"), seed)


def trained_by_hand(data, architecture, watch, seed):
    recipe = Recipe(
        architecture,
        epochs=2,
        batch=64,
        optimizer="AdamW",
        rate=0.003,
        decay=0.03,
        schedule="one cycle",
    )
    model = fresh(data, recipe, seed)
    train(detector_of(model), data, recipe, seed)
    train(model, data, recipe, seed, objective=partial(comet_loss, watch=watch, area=SMALL.area))
    return model


def test_every_figure_is_that_of_networks_trained_and_asked_by_hand():
    case = small_case()
    data, result = case.data, answer(SMALL, case)["table"]
    rows = data.rows("test")
    truth, copies, targets = data.truth["mask"][rows], data.truth["copy"][rows], data.targets(rows)
    for condition, kind, watch in (
        (comet.WITH, "comet", SMALL.watch),
        (comet.WITHOUT, "selector", 0.0),
    ):
        model = trained_by_hand(data, kind, watch, case.seed)
        network = model.network
        with torch.no_grad():
            images = ((data.pixels(rows) - model.mean) / model.std).mean(1, keepdim=True)
            mask = network.selector.own_maps(images).sigmoid()
            inside, rest = network.predictor(mask * images), network.detector((1 - mask) * images)
            whole = network.detector(images)
            noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(case.seed))
            shape = network.predictor(mask * noise)
        mask = mask[:, 0].numpy()
        binary_masks = mask > 0.5
        strongest = []
        for image_mask, true_mask in zip(mask, truth, strict=True):
            order = np.argsort(-image_mask.ravel())[: true_mask.sum()]
            strongest.append(true_mask.ravel()[order].mean())
        both = [
            all(binary_mask[copy == number].mean() > 0.5 for number in (1, 2))
            for binary_mask, copy in zip(binary_masks, copies, strict=True)
        ]

        def dice(inside, true_mask):
            return (2 * (inside & true_mask).sum() + 1) / (inside.sum() + true_mask.sum() + 1)

        cams, layers = [], [layer for layer in detector_of(model).layers if layer.is_map]
        deepest = min(
            layers, key=lambda layer: (layer.cells[0] * layer.cells[1], -layers.index(layer))
        )
        for row in rows:
            image = data.pixels(np.array([row]))[0].contiguous()
            image_case = ImageCase(detector_of(model), image, Target(int(data.labels[row])))
            map_ = GradCam(layer=deepest.name)(image_case)["map"].values
            cams.append(dice(outlined(map_).inside, data.truth["mask"][row]))

        def share(logits):
            return (logits.argmax(1) == targets).double().mean().item()

        expected = {
            comet.RECALL: (binary_masks & truth).sum() / truth.sum(),
            comet.BOTH: np.mean(both),
            comet.RANK: np.mean(strongest),
            comet.FILLED: mask.mean(),
            comet.CAM_DICE: np.median(cams),
            comet.DICE: np.median([dice(*pair) for pair in zip(binary_masks, truth, strict=True)]),
            comet.BEYOND: np.mean([max(image_mask.mean() - SMALL.area, 0) for image_mask in mask]),
            comet.RIGHT: share(inside),
            comet.WHOLE: share(whole),
            comet.REST: share(rest),
            comet.SHAPE: share(shape),
            comet.NATS_GAP: (
                F.cross_entropy(rest, targets) - F.cross_entropy(inside, targets)
            ).item(),
        }
        figures = {name: result.cell(condition, name) for name in expected}
        assert figures == pytest.approx(expected, abs=2e-3)
    assert result.cell(comet.WITH, comet.FILLED) != result.cell(comet.WITHOUT, comet.FILLED)


def test_pictures_show_masks_of_both_trainings_over_the_same_images():
    result = answer(SMALL, small_case())
    first, second = result["found"], result["found without"]
    assert (first.images[0] == second.images[0]).all()
    assert (first.images[1] != second.images[1]).any()
    picture = SMALL.picture(small_case())
    mask = small_case().data.truth["mask"][comet.balanced_rows(small_case().data)[0]]
    assert (picture.images[1, 0][~mask] == picture.images[0, 0][~mask]).all()


def test_margins_of_figures_made_by_hand():
    figures = {
        comet.WITH: {
            comet.RECALL: 0.9,
            comet.NATS_GAP: 4.0,
            comet.RIGHT: 0.99,
            comet.WHOLE: 0.99,
            comet.BEYOND: 0.01,
        },
        comet.WITHOUT: {comet.RECALL: 0.5},
    }
    margins = [
        claim.margin(lambda row, name: figures[row][name]) for claim in comet.CometExperiment.claims
    ]
    assert margins == pytest.approx([0.15, 0.05, 0.3, 0.01, 0.01])


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_what_the_paper_claims_is_measured_with_three_seeds(measure):
    method = comet.CometExperiment()
    result = answer(method, ExperimentCase(data_sets.load(method.data[0])))
    table = result["table"]
    assert table.cell(comet.WITH, comet.RECALL) > table.cell(comet.WITHOUT, comet.RECALL)
    outcomes.keep(measure, method, result, "COMET, shapes drawn twice", outcomes.OUTCOMES_HERE)


def test_images_with_nothing_to_find_have_no_share_of_evidence():
    case = small_case()
    data, rows = case.data, case.data.rows("test")
    truth = {name: data.truth[name].copy() for name in ("mask", "copy")}
    for array in truth.values():
        array[rows[1:]] = 0
    few = replace(data, truth={**data.truth, **truth}, name="healthy")
    model = fresh(few, Recipe("comet", epochs=1), 0)
    result = SMALL.measure(Trained(comet.WITH, None, model), replace(case, data=few))
    alone = comet.masks_of(model, few, rows[:1])[0]
    true_mask = few.truth["mask"][rows[0]]
    assert result[comet.RECALL] == pytest.approx((alone > 0.5)[true_mask].mean())
    assert result[comet.BOTH] == float(
        all(
            (alone > 0.5)[few.truth["copy"][rows[0]] == copy_number].mean() > 0.5
            for copy_number in (1, 2)
        )
    )
    assert 0 <= result[comet.RANK] <= 1
