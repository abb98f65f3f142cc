"""Random pruning: densities, masks and figures by hand, and what the paper claims at our scale."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from engine.core.run import answer
from engine.evaluation.experiment import HOLDS, ExperimentCase
from engine.sparsity import PruneCase, RandomPruning, prunable_parts, pruned
from engine.sparsity.criteria.snip import Snip
from engine.sparsity.random_pruning.claims import (
    BEFORE,
    DENSE,
    ERROR,
    PICKED,
    RIGHT,
    RULES,
    SCRAMBLED_AUROC,
    SHUFFLED,
    WIDTHS,
    at,
)
from engine.sparsity.random_pruning.experiment import MaskedFromStart, scrambled, sensitivity
from engine.vision import data as data_sets
from engine.vision.training import Recipe, fresh, outputs, train
from tests.engine.sparsity.cases import small_case
from tests.engine.vision.training.test_loop import same
from tests.outcomes import OUTCOMES_HERE, keep

SMALL = RandomPruning(seeds=1, epochs=3, network="MLP", density=0.2)
EVERY = (*RULES, "SNIP", "SNIP ratio")


def digits_masks(rule, density, width=1.0, seed=0, network="resnet8"):
    data = data_sets.load("digits")
    model = fresh(data, Recipe(network, width=width), seed)
    return MaskedFromStart(rule, density).masks(model, data, seed)


def shares_by_hand(rule, shapes, density):
    """ER and ERK with layers filled up one after another until the rest fits."""
    sizes = [np.prod(shape) for shape in shapes]
    dims = [shape if rule == "ERK" else shape[:2] for shape in shapes]
    raw = [1.0 if rule == "uniform" else sum(d) / np.prod(d) for d in dims]
    full = set()
    while True:
        budget = density * sum(sizes) - sum(sizes[i] for i in full)
        scale = budget / sum(
            r * s for i, (r, s) in enumerate(zip(raw, sizes, strict=True)) if i not in full
        )
        over = [i for i in range(len(raw)) if i not in full and scale * raw[i] > 1]
        if not over:
            return [1.0 if i in full else scale * raw[i] for i in range(len(raw))]
        full.add(max(over, key=lambda i: raw[i]))


def drawn_by_hand(model, seed, counts):
    """The given number of weights of each layer with the largest draws."""
    results = {}
    for place, (part, count) in enumerate(zip(prunable_parts(model), counts, strict=True)):
        draws = np.random.default_rng([seed, 0, place]).random(part.shape, np.float32)
        results[part.name] = torch.from_numpy(draws >= np.sort(draws.ravel())[-count])
    return results


def masks_by_hand(rule, model, data, seed, density):
    layer_parts = prunable_parts(model)
    if rule in RULES:
        shares = shares_by_hand(rule, [part.shape for part in layer_parts], density)
        counts = [round(share * p.size) for share, p in zip(shares, layer_parts, strict=True)]
        return drawn_by_hand(model, seed, counts)
    scores = Snip()(PruneCase(model, data, seed))["scores"].values
    row = np.concatenate([scores[part.name].ravel() for part in layer_parts])
    line = np.sort(row)[-(len(row) - round((1 - density) * len(row)))]
    chosen = {name: torch.from_numpy(values >= line) for name, values in scores.items()}
    if rule == "SNIP":
        return chosen
    return drawn_by_hand(model, seed, [int(chosen[part.name].sum()) for part in layer_parts])


def figures_by_hand(model, before, data, odd):
    rows = data.rows("test")
    labels = data.targets(rows)
    chances, others = (
        outputs(model, data_set, rows_of).double().softmax(1)
        for data_set, rows_of in ((data, rows), (odd, odd.rows("test")))
    )
    sure, named = chances.max(1)
    right = (named == labels).double()
    error = 0.0
    for low in range(15):
        in_bin = (sure > low / 15) & (sure <= (low + 1) / 15)
        if in_bin.any():
            error += in_bin.double().mean() * (right[in_bin].mean() - sure[in_bin].mean()).abs()
    doubts = np.concatenate([-sure.numpy(), -others.max(1).values.numpy()])
    return {
        RIGHT: right.mean().item(),
        BEFORE: (outputs(before, data, rows).argmax(1) == labels).double().mean().item(),
        ERROR: float(error),
        SCRAMBLED_AUROC: roc_auc_score(np.repeat([0, 1], [len(sure), len(others)]), doubts),
    }


def test_every_figure_is_that_of_networks_masked_and_trained_by_hand():
    case = small_case()
    data, seed, result = case.data, case.seed, SMALL(case)
    table = result["table"]
    conditions = {at(rule, width): (rule, width) for width in WIDTHS for rule in (DENSE, *RULES)}
    conditions |= {PICKED: ("SNIP", 1.0), SHUFFLED: ("SNIP ratio", 1.0)}
    assert table.rows == tuple(conditions)
    for row, (rule, width) in conditions.items():
        recipe = Recipe("mlp", epochs=3, decay=0.0005, width=width)
        model = fresh(data, recipe, seed)
        masks = {} if rule == DENSE else masks_by_hand(rule, model, data, seed, 0.2)
        before = pruned(model, masks)
        train(model, data, recipe, seed, masks=masks)
        expected = figures_by_hand(model, before, data, scrambled(data, seed))
        assert {name: table.cell(row, name) for name in expected} == pytest.approx(expected)
    different = {tuple(line) for line in table.values[:, ::2].round(6).tolist()}
    assert len(different) > len(conditions) // 2
    for width, line in zip(WIDTHS, range(len(WIDTHS)), strict=True):
        for rule in RULES:
            gap = table.cell(at(DENSE, width), RIGHT) - table.cell(at(rule, width), RIGHT)
            assert result["gaps"][rule][line] == pytest.approx(gap)


@pytest.mark.parametrize("rule", EVERY)
@pytest.mark.parametrize("width", [WIDTHS[0], WIDTHS[-1]])
def test_the_budget_is_met_and_every_layer_keeps_a_weight(rule, width):
    for density in (0.05, 0.1, 0.3):
        masks = digits_masks(rule, density, width)
        assert abs(masks.density - density) < 1e-3
        assert masks.counts.min() >= 1
        assert len(masks.parts) == 10  # all convolutions, and the head


@pytest.mark.parametrize("network", ["resnet8", "lenet", "mlp"])
@pytest.mark.parametrize("rule", RULES)
def test_shares_of_layers_are_the_rule_s(network, rule):
    masks = digits_masks(rule, 0.1, network=network)
    sizes = np.array([part.size for part in masks.parts])
    shares = shares_by_hand(rule, [part.shape for part in masks.parts], 0.1)
    assert masks.counts / sizes == pytest.approx(shares, abs=1 / sizes.min())


@pytest.mark.parametrize("rule", EVERY)
def test_where_everything_stays_training_is_the_dense_one_to_the_bit(rule):
    case = small_case()
    method = replace(SMALL, density=1.0, network="ResNet-8")
    trained = []
    for condition in (DENSE, rule):
        training = method.training(case, condition, 0.25)
        model = fresh(case.data, training.recipe, 3)
        train(model, case.data, training.recipe, 3, regime=training.regime)
        trained.append(model)
    assert same(*trained)


@pytest.mark.parametrize("rule", EVERY)
def test_masks_of_a_seed_are_nested_and_another_seed_draws_others(rule):
    tighter, looser = (digits_masks(rule, density, 0.25) for density in (0.1, 0.4))
    other = digits_masks(rule, 0.1, 0.25, seed=1)
    if rule != "SNIP ratio":  # whose shares need not fall in every layer alike
        assert tighter.inside(looser)
    assert not np.array_equal(tighter.flat, other.flat)


def test_the_drawn_mask_has_as_many_weights_in_each_layer_as_snip_s_and_not_the_same():
    picked, drawn = (digits_masks(rule, 0.1) for rule in ("SNIP", "SNIP ratio"))
    assert picked.counts.tolist() == drawn.counts.tolist()
    assert np.count_nonzero(picked.flat & drawn.flat) / picked.kept < 0.5


def test_scores_are_snip_s_and_the_model_stays_as_it_is():
    data = data_sets.load("digits")
    recipe = Recipe("resnet8", width=0.25)
    model = fresh(data, recipe, 2)
    before = model.fingerprint
    case = PruneCase(model, data, 2)
    scores, expected = sensitivity(case).values, Snip()(case)["scores"].values
    for name, values in expected.items():
        assert scores[name] == pytest.approx(values, rel=1e-3, abs=1e-9)
    assert fresh(data, recipe, 2).fingerprint == before
    assert all(not p.requires_grad or p.grad is None for p in model.parameters())


def test_scrambled_images_have_the_pixels_of_the_test_images_elsewhere():
    data = data_sets.load("digits")
    odd, rows = scrambled(data, 0), data.rows("test")
    assert len(odd) == len(rows)
    before, after = data.images[rows].reshape(len(rows), -1), odd.images.reshape(len(rows), -1)
    assert np.array_equal(np.sort(before, 1), np.sort(after, 1))
    assert (before != after).any(1).mean() > 0.99
    assert not np.array_equal(odd.images, scrambled(data, 1).images)


def test_the_picture_s_white_weights_are_the_masks():
    data = data_sets.load("digits")
    picture = RandomPruning(network="LeNet").picture(ExperimentCase(data))
    assert picture.rows == RULES
    assert picture.columns == ("layer 1", "layer 2", "layer 3", "layer 4")
    assert len(RandomPruning().picture(ExperimentCase(data)).columns) == 5  # of ten layers
    for row, rule in enumerate(RULES):
        masks = digits_masks(rule, 0.1, network="lenet")
        for column, part in enumerate(masks.parts):
            is_white = picture.images[row, column, 1:-1, 1:-1].ravel() == 255
            assert np.array_equal(is_white, masks.array(part.name).ravel()[:144])
            share = masks.counts[column] / part.size
            assert picture.caption(row, column) == f"{share:.0%} of {part.size:,}"


def test_figures_as_the_paper_has_them_make_every_claim_hold():
    table = {at(DENSE, width): {RIGHT: 0.95, ERROR: 0.05, SCRAMBLED_AUROC: 0.8} for width in WIDTHS}
    for at_width, lost in zip(WIDTHS, (0.1, 0.05, 0.02, 0.005), strict=True):
        for rule, more in zip(RULES, (0.03, 0.01, 0.0), strict=True):
            right = 0.95 - lost - more
            table[at(rule, at_width)] = {RIGHT: right, ERROR: 0.03, SCRAMBLED_AUROC: 0.9}
    table |= {PICKED: {RIGHT: 0.93, BEFORE: 0.1}, SHUFFLED: {RIGHT: 0.925, BEFORE: 0.12}}
    margins = [claim.margin(lambda row, name: table[row][name]) for claim in RandomPruning.claims]
    assert margins == pytest.approx([0.085, 0.085, 0.005, 0.015, 0.01, 0.08, 0.02, 0.1])
    table[SHUFFLED][RIGHT] = 0.9
    assert RandomPruning.claims[4].margin(lambda row, name: table[row][name]) < 0


@pytest.mark.slow
def test_what_the_paper_claims_is_measured_with_three_seeds(measure):
    method = RandomPruning()
    result = answer(method, ExperimentCase(data_sets.load(method.data[0])))
    where = f"random pruning, {method.data[0]}, {method.network}, {method.density:.0%}"
    keep(measure, method, result, where, OUTCOMES_HERE)
    for rule in RULES:  # the first claim, which every rule shares
        gaps = result["gaps"][rule]
        assert gaps[0] > gaps[-1] + 0.01
    assert result["claims"]["outcome"][0] == HOLDS
