"""Prune, then unlearn: the zeros of Sparsity hold throughout, and like is compared with like."""

from __future__ import annotations

import numpy as np
import pytest

from engine.models.rebuild import rebuilt
from engine.run import answer
from engine.sparsity import PruneCase, Rewound, masks_in
from engine.unlearning import FineTune, PruneFirst, Retrain
from engine.unlearning.ways.network import untrained
from engine.unlearning.ways.prune_first import THEN
from tests.engine.unlearning.trained import BRIEF, class_case

METHOD = PruneFirst(ratio=0.9, epochs=2)


@pytest.fixture(scope="module")
def case():
    return class_case(recipe=BRIEF)


def test_the_zeros_of_sparsity_stay_in_the_unlearned_and_in_the_retrained_model(case):
    pruned = METHOD.reference(case)
    masks = masks_in(pruned.model)
    assert masks.sparsity == pytest.approx(0.9, abs=1e-3)
    retrained = answer(Retrain(), pruned)["model"]
    unlearned = answer(METHOD, case)["model"]
    for view in (retrained, unlearned):
        for name in masks:
            assert not view.weights[name][~masks[name].numpy()].any()
        assert masks_in(rebuilt(view)).digest == masks.digest
    assert pruned.request is case.request


def test_it_is_the_other_unlearner_on_the_pruned_model_to_the_bit(case):
    pruned_first = answer(METHOD, case)
    other_pruned_first = answer(FineTune(), METHOD.reference(case))
    assert all(
        np.array_equal(pruned_first["model"].weights[n], w)
        for n, w in other_pruned_first["model"].weights.items()
    )
    assert pruned_first["run"]["samples"] == other_pruned_first["run"]["samples"]
    assert np.array_equal(pruned_first["seen"]["seen"], other_pruned_first["seen"]["seen"])
    assert pruned_first["run"]["seconds before"][0] > 0
    assert pruned_first["model"].parent == case.model.fingerprint
    assert masks_in(case.model) is None


@pytest.mark.parametrize("by", ["OMP", "IMP", "SynFlow"])
def test_originals_that_are_trained_sparse_forget_with_their_zeros_and_keep_their_head(case, by):
    method = PruneFirst(by=by, ratio=0.6, epochs=1)
    pruned = method.reference(case)
    masks = masks_in(pruned.model)
    assert masks.sparsity == pytest.approx(0.6, abs=1e-3)
    assert all(part.role != "head" for part in masks.parts)
    first = PruneCase(untrained(case.model, case.seed), case.data, case.seed, recipe=case.recipe)
    theirs = answer(Rewound(way=by, ratio=0.6), first)["model"].weights
    assert all(np.array_equal(pruned.model.network.state_dict()[n], w) for n, w in theirs.items())
    retrained = answer(Retrain(), pruned)["model"]
    result = answer(method, case)
    for view in (retrained, result["model"]):
        assert masks_in(rebuilt(view)).digest == masks.digest
    assert result["run"]["seconds before"][0] > 0
    assert method.reference(case).model.fingerprint != METHOD.reference(case).model.fingerprint


@pytest.mark.parametrize("then", ["SSD", "SalUn", "GA", "RL", "FF", "SCRUB"])
def test_any_of_them_keeps_the_zeros(case, then):
    masks = masks_in(METHOD.reference(case).model)
    view = answer(PruneFirst(then=then, ratio=0.9, epochs=2), case)["model"]
    assert all(not view.weights[name][~masks[name].numpy()].any() for name in masks)
    assert then in THEN
