"""COMET's grid of bounds and weights: every cell by hand, the picture, margins, what it shows."""

from functools import partial
from itertools import product

import numpy as np
import pytest
import torch

from engine import data as data_sets
from engine.attribution.experiments import comet, comet_grid
from engine.attribution.experiments.comet_grid import (
    AREAS,
    CELLS,
    EMPTY,
    WEIGHTS,
    CometGrid,
    add_cell,
    condition_name,
    tiled,
    unfilled,
)
from engine.experiment import ExperimentCase, judge_claims, summary
from engine.experiment import SeedFigures as Seed
from engine.gallery import shipped_answer
from engine.training import Recipe, comet_loss, detector_of, fresh, train
from tests import outcomes

SMALL = CometGrid(epochs=2)


def small_case(seed=3):
    return ExperimentCase(data_sets.load("twice:count=80,side=24"), seed)


def trained_by_hand(data, area, watch, seed):
    recipe = Recipe(
        "comet", epochs=2, batch=64, optimizer="AdamW", rate=0.003, decay=0.03, schedule="one cycle"
    )
    model = fresh(data, recipe, seed)
    train(detector_of(model), data, recipe, seed)
    train(model, data, recipe, seed, objective=partial(comet_loss, watch=watch, area=area))
    return model


def test_every_cell_is_a_network_trained_and_asked_by_hand(monkeypatch):
    """Two bounds on either side of a fresh mask, which fills about half of an image."""
    areas, weights = (0.05, 0.8), (0.0, 4.0)
    cells = {condition_name(*pair): pair for pair in product(areas, weights)}
    for name, value in (("AREAS", areas), ("WEIGHTS", weights), ("CELLS", cells)):
        monkeypatch.setattr(comet_grid, name, value)
    case = small_case()
    result, data = SMALL(case), case.data
    table, rows = result["table"], data.rows("test")
    truth = data.truth["mask"][rows]
    assert table.rows == tuple(cells)
    for name, (area, watch) in cells.items():
        model = trained_by_hand(data, area, watch, case.seed)
        network = model.network
        with torch.no_grad():
            images = ((data.pixels(rows) - model.mean) / model.std).mean(1, keepdim=True)
            mask = network.selector.own_maps(images).sigmoid()
            answers = network.predictor(mask * images).argmax(1)
        mask = mask[:, 0].numpy()
        binary_masks, strongest, dices = mask > 0.5, [], []
        for image_mask, true_mask in zip(mask, truth, strict=True):
            order = np.argsort(-image_mask.ravel())[: true_mask.sum()]
            strongest.append(true_mask.ravel()[order].mean())
            both = ((image_mask > 0.5) & true_mask).sum()
            dices.append((2 * both + 1) / ((image_mask > 0.5).sum() + true_mask.sum() + 1))
        expected = {
            comet.RECALL: (binary_masks & truth).sum() / truth.sum(),
            comet.FILLED: mask.mean(),
            comet.RANK: np.mean(strongest),
            comet.DICE: np.median(dices),
            comet.RIGHT: (answers == data.targets(rows)).double().mean().item(),
        }
        figures = {what: table.cell(name, what) for what in expected}
        assert figures == pytest.approx(expected, abs=1e-6)
    shares = [table.cell(name, comet.FILLED) for name in cells]
    assert len({round(share, 6) for share in shares}) == len(cells)
    assert result["found"].images.shape == (2, 2, 48, 48, 3)
    assert all("% kept, Dice" in caption for caption in result["found"].captions)


def test_a_cell_of_the_picture_is_where_its_bound_and_weight_are():
    grid = unfilled(small_case().data)
    assert (grid.images == EMPTY).all()
    assert not any(grid.captions)
    tile = np.full_like(grid.images[0, 0], 7)
    measured = {comet.RECALL: 0.291, comet.DICE: 0.35, comet.RIGHT: 0.981, comet.FILLED: 0.152}
    more = add_cell(grid, condition_name(AREAS[1], WEIGHTS[2]), tile, measured)
    assert (more.images[1, 2] == 7).all()
    assert (more.images != EMPTY).any((2, 3, 4)).sum() == 1
    assert more.caption(1, 2) == "29 % kept, Dice 0.35, 98 % right, mask 15 %"
    assert (grid.images == EMPTY).all()


def test_images_stand_in_two_rows():
    images = [np.full((2, 3, 3), shade, np.uint8) for shade in (1, 2, 3)]
    tiled_images = tiled(images)
    assert tiled_images.shape == (4, 6, 3)
    assert tiled_images[::2, ::3, 0].tolist() == [[1, 2], [3, EMPTY]]


def made_by_hand():
    """Recall grows by 10 points for each step of the bound and by 30 for each of the weight."""
    return {
        condition_name(area, weight): {
            comet.RECALL: 0.1 * row + 0.3 * column,
            comet.RIGHT: 0.97,
            comet.WHOLE: 0.99,
        }
        for (row, area), (column, weight) in product(enumerate(AREAS), enumerate(WEIGHTS))
    }


def test_margins_of_figures_made_by_hand():
    figures = made_by_hand()
    figures[condition_name(AREAS[1], WEIGHTS[2])][comet.RECALL] = 0.5  # 40 points more than without
    margins = [claim.margin(lambda row, name: figures[row][name]) for claim in CometGrid.claims]
    assert margins == pytest.approx([0.3, 0.1, -0.05, -0.01])


def test_it_says_where_most_is_kept_and_how_little_without_the_detector():
    figures = {name: {**row, comet.FILLED: 0.2} for name, row in made_by_hand().items()}
    runs = [Seed(name, 0, figure) for name, figure in figures.items()]
    claims = judge_claims(CometGrid.claims, runs)
    names = (comet.RECALL, comet.RIGHT, comet.WHOLE, comet.FILLED)
    results = {"table": summary(runs, names, {}), "claims": claims, "runs": {"seed": np.zeros(9)}}
    finding = SMALL.finding(small_case(), results)
    assert finding.startswith(
        f"Most of the evidence is kept at {list(CELLS)[-1]}: 80 %, with 20 % of the image. "
        "Without the detector it is 0 to 20 %. "
    )


def test_the_answer_that_ships_shows_that_the_weight_counts_first_and_then_the_bound():
    case = ExperimentCase(data_sets.load(CometGrid.data[0]))
    result = shipped_answer((CometGrid(), case))
    assert result is not None
    recalls = np.array(
        [
            [result["table"].cell(condition_name(area, weight), comet.RECALL) for weight in WEIGHTS]
            for area in AREAS
        ]
    )
    assert (recalls[:, 0] < 0.05).all()
    assert (recalls[:, 1] - recalls[:, 0] > 0.2).all()
    assert (recalls[:, 2] - recalls[:, 1] < 0.1).all()
    assert (np.diff(recalls[:, 2]) > 0.1).all()
    whole = shipped_answer((comet.CometExperiment(), case))
    runs = whole["runs"]
    row = next(
        n
        for n, row_name in enumerate(runs.rows)
        if row_name == comet.WITH and runs["seed"][n] == case.seed
    )
    assert recalls[1, 2] == pytest.approx(runs[comet.RECALL][row], abs=1e-3)  # the same training


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_the_grid_is_measured_with_three_seeds(measure):
    method = CometGrid(seeds=3)
    result = method(ExperimentCase(data_sets.load(method.data[0])))
    outcomes.keep(
        measure, method, result, "COMET's grid, shapes drawn twice", outcomes.OUTCOMES_HERE
    )
    recalls = {name: result["table"].cell(name, comet.RECALL) for name in CELLS}
    least, *_, most = WEIGHTS
    assert all(
        recalls[condition_name(area, most)] > recalls[condition_name(area, least)] for area in AREAS
    )
