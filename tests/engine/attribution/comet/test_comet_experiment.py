"""COMET with and without its detector, and its grid: figures by hand, margins, measurements."""

from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.attribution.comet import experiment as comet
from engine.attribution.comet import grid as comet_grid
from engine.attribution.comet.grid import (
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
from engine.commands.gallery import shipped_answer
from engine.core.errors import BadData
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase, judge_claims, summary
from engine.evaluation.experiment import SeedFigures as Seed
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.measures.outlines import outlined
from engine.vision import data as data_sets
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.training import Recipe, comet_loss, detector_of, fresh, train
from tests import outcomes

SMALL = comet.CometExperiment(seeds=1, epochs=2)


def small_case(seed=3):
    return ExperimentCase(data_sets.load("twice:count=80,side=24"), seed)


def trained_by_hand(data, seed, architecture="comet", *, watch, area):
    """The model, the test images as its network takes them, and their masks (n, 1, side, side)."""
    settings = {"epochs": 2, "batch": 64, "optimizer": "AdamW", "rate": 0.003, "decay": 0.03}
    recipe = Recipe(architecture, **settings, schedule="one cycle")
    model = fresh(data, recipe, seed)
    train(detector_of(model), data, recipe, seed)
    train(model, data, recipe, seed, objective=partial(comet_loss, watch=watch, area=area))
    network, pixels = model.network, data.pixels(data.rows("test"))
    images = ((pixels - model.mean) / model.std).mean(1, keepdim=True)
    with torch.no_grad():
        return model, images, network.selector.own_maps(images).sigmoid()


def dice(inside, mask):
    return (2 * (inside & mask).sum() + 1) / (inside.sum() + mask.sum() + 1)


def mask_figures(masks, truth):
    """Of masks between 0 and 1, (images, side, side), against true ones."""
    strongest = [
        true_mask.ravel()[np.argsort(-mask.ravel())[: true_mask.sum()]].mean()
        for mask, true_mask in zip(masks, truth, strict=True)
    ]
    return {
        comet.RECALL: ((masks > 0.5) & truth).sum() / truth.sum(),
        comet.FILLED: masks.mean(),
        comet.RANK: np.mean(strongest),
        comet.DICE: np.median([dice(*pair) for pair in zip(masks > 0.5, truth, strict=True)]),
    }


def test_every_figure_is_that_of_networks_trained_and_asked_by_hand():
    case = small_case()
    views = answer(SMALL, case)
    data, result = case.data, views["table"]
    rows = data.rows("test")
    truth, copies, targets = data.truth["mask"][rows], data.truth["copy"][rows], data.targets(rows)
    for condition, kind, watch in (
        (comet.WITH, "comet", SMALL.watch),
        (comet.WITHOUT, "selector", 0.0),
    ):
        model, images, mask = trained_by_hand(data, case.seed, kind, watch=watch, area=SMALL.area)
        network = model.network
        with torch.no_grad():
            inside, rest = network.predictor(mask * images), network.detector((1 - mask) * images)
            whole = network.detector(images)
            noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(case.seed))
            shape = network.predictor(mask * noise)
        mask = mask[:, 0].numpy()
        both = [
            all(image_mask[copy == number].mean() > 0.5 for number in (1, 2))
            for image_mask, copy in zip(mask > 0.5, copies, strict=True)
        ]
        cams, layers = [], [layer for layer in detector_of(model).layers if layer.is_map]
        deepest = min(reversed(layers), key=lambda layer: layer.cells[0] * layer.cells[1])
        for row in rows:
            image = data.pixels(np.array([row]))[0].contiguous()
            image_case = ImageCase(detector_of(model), image, Target(int(data.labels[row])))
            map_ = GradCam(layer=deepest.name)(image_case)["map"].values
            cams.append(dice(outlined(map_).inside, data.truth["mask"][row]))

        def share(logits):
            return (logits.argmax(1) == targets).double().mean().item()

        expected = mask_figures(mask, truth) | {
            comet.BOTH: np.mean(both),
            comet.CAM_DICE: np.median(cams),
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
        pictured = np.searchsorted(rows, comet.balanced_rows(data))
        captions = views["found" if watch else "found without"].captions
        for logits, start in ((inside, 3), (rest, 4)):
            percent = 100 * logits.softmax(1).gather(1, targets[:, None])[pictured, 0]
            shown = captions[start * len(pictured) :][: len(pictured)]
            assert [int(words.removesuffix(" %")) for words in shown] == pytest.approx(
                percent.tolist(), abs=0.6
            )
    assert result.cell(comet.WITH, comet.FILLED) != result.cell(comet.WITHOUT, comet.FILLED)


def test_pictures_show_masks_of_both_trainings_over_the_same_images():
    result = answer(SMALL, small_case())
    first, second = result["found"], result["found without"]
    assert (first.images[0] == second.images[0]).all()
    assert (first.images[1] != second.images[1]).any()
    picture = SMALL.picture(small_case())
    mask = small_case().data.truth["mask"][comet.balanced_rows(small_case().data)[0]]
    assert (picture.images[1, 0][~mask] == picture.images[0, 0][~mask]).all()
    with pytest.raises(BadData, match="has no masks to hold a map against"):
        SMALL.picture(replace(small_case(), data=replace(small_case().data, truth={})))


def test_margins_of_figures_and_cells_made_by_hand():
    watched = {comet.RECALL: 0.9, comet.NATS_GAP: 4.0, comet.BEYOND: 0.01}
    watched |= {comet.RIGHT: 0.99, comet.WHOLE: 0.99}
    pair, grid = {comet.WITH: watched, comet.WITHOUT: {comet.RECALL: 0.5}}, made_by_hand()
    grid[condition_name(AREAS[1], WEIGHTS[2])][comet.RECALL] = 0.5  # 40 points more than without
    for kind, figures, margins in (
        (comet.CometExperiment, pair, [0.15, 0.05, 0.3, 0.01, 0.01]),
        (CometGrid, grid, [0.3, 0.1, -0.05, -0.01]),
    ):
        cell = partial(lambda figures, row, name: figures[row][name], figures)
        assert [claim.margin(cell) for claim in kind.claims] == pytest.approx(margins)


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
    result = SMALL.measured(model, replace(case, data=few))
    alone = comet.masks_of(model, few, rows[:1])[0] > 0.5
    true_mask, copies = (few.truth[name][rows[0]] for name in ("mask", "copy"))
    assert result[comet.RECALL] == pytest.approx(alone[true_mask].mean())
    assert result[comet.BOTH] == all(alone[copies == number].mean() > 0.5 for number in (1, 2))
    assert 0 <= result[comet.RANK] <= 1


GRID = CometGrid(epochs=2)


def test_every_cell_is_a_network_trained_and_asked_by_hand(monkeypatch):
    """Two bounds on either side of a fresh mask, which fills about half of an image."""
    areas, weights = (0.05, 0.8), (0.0, 4.0)
    cells = {condition_name(*pair): pair for pair in product(areas, weights)}
    for name, value in (("AREAS", areas), ("WEIGHTS", weights), ("CELLS", cells)):
        monkeypatch.setattr(comet_grid, name, value)
    case = small_case()
    result, data = GRID(case), case.data
    table, rows = result["table"], data.rows("test")
    truth = data.truth["mask"][rows]
    assert table.rows == tuple(cells)
    for name, (area, watch) in cells.items():
        model, images, mask = trained_by_hand(data, case.seed, watch=watch, area=area)
        with torch.no_grad():
            answers = model.network.predictor(mask * images).argmax(1)
        right = (answers == data.targets(rows)).double().mean().item()
        expected = mask_figures(mask[:, 0].numpy(), truth) | {comet.RIGHT: right}
        figures = {what: table.cell(name, what) for what in expected}
        assert figures == pytest.approx(expected, abs=1e-6)
    shares = [table.cell(name, comet.FILLED) for name in cells]
    assert len({round(share, 6) for share in shares}) == len(cells)
    assert result["found"].images.shape == (2, 2, 48, 48, 3)
    assert all("% kept, Dice" in caption for caption in result["found"].captions)


def test_cells_stand_where_their_bound_and_weight_are_and_images_in_two_rows():
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
    tiled_images = tiled([np.full((2, 3, 3), shade, np.uint8) for shade in (1, 2, 3)])
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


def test_it_says_where_most_is_kept_and_how_little_without_the_detector():
    figures = {name: {**row, comet.FILLED: 0.2} for name, row in made_by_hand().items()}
    runs = [Seed(name, 0, figure) for name, figure in figures.items()]
    claims = judge_claims(CometGrid.claims, runs)
    names = (comet.RECALL, comet.RIGHT, comet.WHOLE, comet.FILLED)
    results = {"table": summary(runs, names, {}), "claims": claims, "runs": {"seed": np.zeros(9)}}
    finding = GRID.finding(small_case(), results)
    assert finding.startswith(
        f"Most of the evidence is kept at {list(CELLS)[-1]}: 80 %, with 20 % of the image. "
        "Without the detector it is 0 to 20 %. "
    )


def test_the_answer_that_ships_shows_that_the_weight_counts_first_and_then_the_bound():
    case = ExperimentCase(data_sets.load(CometGrid.data[0]))
    table = shipped_answer((CometGrid(), case))["table"]
    pairs = product(AREAS, WEIGHTS)
    recalls = np.array([table.cell(condition_name(*pair), comet.RECALL) for pair in pairs])
    recalls = recalls.reshape(len(AREAS), len(WEIGHTS))
    assert (recalls[:, 0] < 0.05).all()
    assert (recalls[:, 1] - recalls[:, 0] > 0.2).all()
    assert (recalls[:, 2] - recalls[:, 1] < 0.1).all()
    assert (np.diff(recalls[:, 2]) > 0.1).all()
    runs = shipped_answer((comet.CometExperiment(), case))["runs"]
    (row,) = np.flatnonzero((np.array(runs.rows) == comet.WITH) & (runs["seed"] == case.seed))
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
