"""Rounds count every share against all weights; the curve of one ratio after another."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from engine.core.errors import Cancelled, DoesNotFit
from engine.core.result import WeightScores
from engine.sparsity import (
    STRUCTURES,
    Level,
    MaskRules,
    Prune,
    PruneCase,
    Pruner,
    RetrainPruned,
    Tradeoff,
    keep,
    masks_in,
    prunable_parts,
    pruned,
    pruner_of,
    rounds_of,
    sparsest,
)
from engine.sparsity.effects.tradeoff import RATIOS
from engine.sparsity.masks.compare import overlap
from engine.sparsity.masks.pruning import BY_TITLE
from engine.sparsity.prune import share_correct
from engine.vision.models import checkpoints
from engine.vision.models.rebuild import rebuilt
from tests import tiny

pytestmark = pytest.mark.usefixtures("empty_home")


def after(case, **settings):
    """The case of a model that one round made."""
    method = Prune(**settings)
    return PruneCase(method.made(case, method.masks(case)), case.data, case.seed)


def plain_second_round(first, scores, ratio):
    """The definition, slowly: of what stands, the best so that `ratio` of ALL weights are gone."""
    row = np.concatenate([scores.values[p.name].ravel() for p in first.parts])
    cut_count = first.total - round(ratio * first.total)
    order = sorted(np.flatnonzero(first.flat), key=lambda at: (-row[at], at))
    bits = np.zeros(first.total, np.bool_)
    bits[order[:cut_count]] = True
    return bits


@pytest.mark.parametrize("criterion", ["Magnitude", "Random", "SNIP"])
def test_the_second_round_takes_the_least_of_what_stands_until_the_share_of_all_is_gone(
    digits, criterion
):
    case = after(digits, ratio=0.6, criterion=criterion)
    first = masks_in(case.model)
    second = Prune(ratio=0.9, criterion=criterion).masks(case)
    scores = BY_TITLE[criterion]()(case)["scores"]
    assert np.array_equal(second.flat, plain_second_round(first, scores, 0.9))
    assert second.sparsity == pytest.approx(0.9, abs=1 / second.total)
    assert second.inside(first)


@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.6])
def test_a_share_that_is_gone_already_cuts_nothing_more_and_says_so(digits, ratio):
    case = after(digits, ratio=0.6, criterion="Random")
    masks = Prune(ratio=ratio, criterion="Random").masks(case)
    assert np.array_equal(masks.flat, masks_in(case.model).flat)
    notes = " ".join(masks.notes)
    gone = masks.total - round(ratio * masks.total) - masks.kept
    words = f"{gone:,} weights that this ratio would keep were cut in an earlier"
    assert (words in notes) == (gone > 0)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("allocation", ["global", "per layer"])
@pytest.mark.parametrize("criterion", ["Magnitude", "Random", "GraSP"])
def test_no_structure_or_rule_brings_a_cut_weight_back(structure, allocation, criterion):
    rule = {"structure": structure, "allocation": allocation, "criterion": criterion}
    case = after(tiny.prune_case(tiny.cnn()), ratio=0.4, criterion="Random")
    results = [Prune(ratio=ratio, **rule).masks(case) for ratio in (0.2, 0.5, 0.8)]
    assert all(b.inside(a) for a, b in pairwise([masks_in(case.model), *results]))
    assert min(results[-1].counts) > 0 or structure != "weight"


def test_a_filter_of_which_nothing_stands_goes_before_any_other():
    """Its score would be 0, above those that GraSP or a search gives below 0."""
    case = tiny.prune_case(tiny.cnn())
    layer_parts = prunable_parts(case.model, head=False)
    part = layer_parts[0]
    bits = {p.name: np.ones(p.shape, np.bool_) for p in layer_parts}
    bits[part.name][2] = False
    model = pruned(case.model, {name: torch.from_numpy(bit) for name, bit in bits.items()})
    scores = WeightScores(
        {p.name: np.full(p.shape, -1.0, np.float32) for p in prunable_parts(model)}, "score", "sum"
    )
    cutter = Pruner(model, scores, MaskRules(allocation="per layer", structure="filter"))
    rows = cutter.at(1 / part.filters).array(part.name).reshape(part.filters, -1).any(1)
    assert list(np.flatnonzero(~rows)) == [2]


def test_the_head_that_was_cut_stays_cut_when_the_next_round_leaves_heads_alone(digits):
    case = after(digits, ratio=0.5, head=True)
    head = prunable_parts(case.model)[-1].name
    before = masks_in(case.model).array(head)
    assert not before.all()
    model = rebuilt(RetrainPruned(ratio=0.8, epochs=1)(case)["model"])
    assert not model.network.get_parameter(head).detach().numpy()[~before].any()
    assert np.array_equal(masks_in(model).array(head), before)


def test_zeros_of_both_rounds_are_held_in_training_and_the_lineage_counts_the_rounds(digits):
    case = PruneCase(checkpoints.load(keep(Prune(ratio=0.5)(digits)).name), digits.data)
    other_entry = keep(RetrainPruned(ratio=0.8, epochs=1)(case))
    model = checkpoints.load(other_entry.name)
    assert (rounds_of(digits.model), rounds_of(case.model), rounds_of(model)) == (0, 1, 2)
    words = "Digits MLP ▸ 50.0 % cut · Magnitude ▸ 80.0 % cut · Magnitude · round 2"
    assert other_entry.card.trail == words
    assert json.loads(model.lineage.settings)["round"] == 2
    masks = masks_in(model)
    assert masks.inside(masks_in(case.model))
    assert masks.sparsity == pytest.approx(0.8, abs=1 / masks.total)
    for part in masks.parts:
        weight = model.network.get_parameter(part.name).detach().numpy()
        assert not weight[~masks.array(part.name)].any()


def test_the_curve_of_a_pruned_model_starts_where_it_stands(digits):
    result = Tradeoff(epochs=0)(after(digits, ratio=0.8))["levels"]
    lanes = dict(zip(result.columns, result.values.T, strict=True))
    assert lanes["sparsity"][lanes["ratio"] <= 0.8] == pytest.approx(0.8, abs=1e-4)
    assert len(set(lanes["after pruning"][lanes["ratio"] <= 0.8])) == 1
    assert lanes["sparsity"][-1] == pytest.approx(0.99, abs=1e-4)


def test_equal_weights_with_other_masks_are_another_question(digits):
    case = after(digits, ratio=0.5)
    bare = PruneCase(pruned(case.model, {}), digits.data)
    assert bare.model.fingerprint == case.model.fingerprint
    assert bare.fingerprint != case.fingerprint
    assert Level(ratio=0.0)(bare)["figures"].values[1] == 0
    assert Level(ratio=0.0)(case)["figures"].values[1] == pytest.approx(0.5, abs=1e-4)


def test_after_a_round_chance_chooses_among_what_stands(digits):
    case = after(digits, ratio=0.6, criterion="Random")
    other = PruneCase(case.model, case.data, seed=case.seed + 9)
    first, second = (Prune(ratio=0.8, criterion="Random").masks(each) for each in (case, other))
    result = overlap(first, second, masks_in(case.model))
    assert result.iou == pytest.approx(result.chance, abs=0.03)
    assert overlap(first, second).chance < result.chance - 0.1
    whole = pruner_of(digits, "Magnitude", MaskRules()).at(0.8)  # which that round did not bind
    assert overlap(whole, whole, masks_in(case.model)) == overlap(whole, whole)


def test_a_card_that_says_nonsense_of_its_round_counts_as_one(digits):
    case = after(digits, ratio=0.5)
    for settings in ('{"round": "tea"}', '{"round": -3}', "[]", "{}"):
        case.model.lineage = replace(case.model.lineage, settings=settings)
        assert rounds_of(case.model) == 1


def test_the_curve_starts_at_the_dense_accuracy_and_retraining_lifts_it(digits):
    method = Tradeoff(epochs=2)
    table = method(digits)["levels"]
    assert list(table["ratio"]) == pytest.approx(RATIOS)
    assert table["after pruning"][0] == pytest.approx(share_correct(digits.model, digits))
    assert table["retrained"][0] == table["after pruning"][0]
    masks = method.pruner(digits).at(0.98)
    place = RATIOS.index(0.98)
    plain = table["after pruning"][place]
    assert plain == pytest.approx(share_correct(pruned(digits.model, masks), digits))
    assert table["retrained"][place] > plain + 0.05
    best = sparsest(table)
    assert table["retrained"][RATIOS.index(best)] >= table["after pruning"][0] - 0.0101
    assert best >= sparsest(table, "after pruning")


def test_levels_are_handed_over_while_others_wait(digits):
    parts = []

    def listen(_done, _words="", partial=None):
        parts.extend([partial["levels"]] if partial else [])

    Tradeoff(epochs=0)(digits, listen)
    assert [len(part.rows) for part in parts] == list(range(1, len(RATIOS) + 1))
    assert np.isnan(parts[-1]["retrained"]).all()


def test_a_stop_in_the_middle_of_a_level_leaves_the_levels_before_it(digits):
    partials = []

    def stop(done, words="", partial=None):
        if partial:
            partials.append(partial["levels"])
        if words.startswith("epoch") and len(partials) >= 3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        Tradeoff(epochs=1)(digits, stop)
    assert len(partials[-1].rows) == 3


def test_the_curve_of_a_pattern_is_the_dense_model_and_the_pattern(digits):
    method = Tradeoff(epochs=0, structure="N:M", pattern="1:16")
    table = method(digits)["levels"]
    assert table["ratio"] == pytest.approx([0, 15 / 16])
    assert table["sparsity"] == pytest.approx([0, 15 / 16])
    made = pruned(digits.model, method.pruner(digits).at(0))
    shares = [share_correct(model, digits) for model in (digits.model, made)]
    assert table["after pruning"] == pytest.approx(shares)
    assert shares[0] > shares[1] + 0.01


def test_without_train_images_only_the_first_curve_can_be_had():
    model = tiny.cnn()
    data = tiny.data_for(model)
    case = PruneCase(model, data.take(data.rows("test")))
    with pytest.raises(DoesNotFit, match="Choose 0 epochs"):
        Tradeoff(epochs=1)(case)
    assert len(Tradeoff(epochs=0)(case)["levels"].rows) == len(RATIOS)


def test_a_level_asked_alone_is_the_curve_s_point_at_that_ratio(digits):
    table = Tradeoff(epochs=0)(digits)["levels"]
    for ratio in (0.0, 0.9, 0.98):
        accuracy, sparsity = Level(ratio=ratio)(digits)["figures"].values
        place = RATIOS.index(ratio)
        assert accuracy == pytest.approx(table["after pruning"][place])
        assert sparsity == pytest.approx(table["sparsity"][place])
