"""Unlearners and looks on every network that can be trained here, norms and attention included."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.models.small import SMALL
from engine.run import answer
from engine.training import Recipe, fresh, train
from engine.unlearning import (
    SCRUB,
    SSD,
    AfterCase,
    Embedding,
    FisherForgetting,
    ForgetCase,
    IUExact,
    PruneFirst,
    Retrain,
    SalUn,
    Similarity,
    StillThere,
    request,
)
from tests import tiny

every = pytest.mark.parametrize("architecture", SMALL)


def case_of(architecture) -> ForgetCase:
    data = tiny.columns(16, ("a", "b", "c"))
    recipe = Recipe(architecture, epochs=1, batch=12, rate=0.01)
    model = fresh(data, recipe)
    train(model, data, recipe)
    return ForgetCase(model, data, request.of_class(data, 1), recipe)


@every
def test_every_network_can_forget_and_be_looked_at(architecture):
    case = case_of(architecture)
    before = {name: tensor.clone() for name, tensor in case.model.state_dict().items()}
    methods = [
        Retrain(),
        SalUn(epochs=1),
        SSD(),
        FisherForgetting(),
        IUExact(rounds=2),
        SCRUB(epochs=1),
        PruneFirst(epochs=1, ratio=0.5),
    ]
    for method in methods:
        unlearned = answer(method, case)
        assert np.isfinite(unlearned["scores"].values[:4]).all()
        assert unlearned["run"]["failed_at"][0] == -1
        assert all(torch.equal(before[k], tensor) for k, tensor in case.model.state_dict().items())
    after = AfterCase(case, SalUn(epochs=1))
    for look in (Similarity(images=10), Embedding(images=20), StillThere()):
        result = answer(look, after)
        assert all(
            np.isfinite(array).any() for view in result.values() for array in view.arrays().values()
        )


def test_batch_norms_statistics_follow_the_batches_and_masks_leave_them_out():
    case = case_of("resnet8")
    weights = answer(SalUn(epochs=1, share=0.1), case)["model"].weights
    state = case.model.network.state_dict()
    assert not np.array_equal(weights["bn.running_mean"], state["bn.running_mean"].numpy())
    still = answer(SSD(), case)["model"].weights
    np.testing.assert_array_equal(still["bn.running_mean"], state["bn.running_mean"].numpy())
