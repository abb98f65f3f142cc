"""A level of iterative magnitude pruning cuts the smallest of what is left, to the weight."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.utils import prune

from engine.errors import BlindspotError
from engine.sparsity.tickets.cut import full_masks, prune_smallest
from engine.training import Recipe, fresh
from tests.engine.training.test_loop import striped


def mlp():
    return fresh(striped(), Recipe("mlp"), 3)


def test_levels_are_nested_and_exact_and_the_first_is_torch_s():
    model = mlp()
    masks = full_masks(model)
    network = fresh(striped(), Recipe("mlp"), 3).network
    named = [(network.get_submodule(p.name.rpartition(".")[0]), "weight") for p in masks.parts]
    prune.global_unstructured(named, prune.L1Unstructured, amount=round(0.2 * masks.total))
    theirs = torch.cat([module.weight_mask.flatten() for module, _ in named]).bool().numpy()
    for level in range(6):
        after = prune_smallest(model, masks, 0.2)
        assert after.kept == masks.kept - round(0.2 * masks.kept)
        assert after.inside(masks)
        if not level:
            assert np.array_equal(after.flat, theirs)
        masks = after
    assert prune_smallest(model, masks, 0.0).digest == masks.digest


def test_a_layer_is_never_left_empty():
    model, masks = mlp(), full_masks(mlp())
    with torch.no_grad():
        model.network.get_parameter(masks.parts[-1].name).mul_(1e-9)
    with pytest.raises(BlindspotError, match="nothing is left of"):
        prune_smallest(model, masks, 0.9)
