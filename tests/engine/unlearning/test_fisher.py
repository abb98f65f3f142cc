"""Fisher forgetting against a slow sum over classes and batches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.run import answer
from engine.unlearning import FisherForgetting, request
from engine.unlearning.ways.fisher import BATCH, CLASS_VARIANCE, fisher
from engine.unlearning.ways.network import in_parts, named_weights, own_copy
from engine.unlearning.ways.unlearner import UnlearningRun
from tests.engine.unlearning.trained import class_case


@pytest.fixture(scope="module")
def case():
    return class_case()


def test_its_importance_is_that_of_a_slow_sum(case):
    result = fisher(UnlearningRun(case, own_copy(case.model), frozenset({"retain"})))["head.weight"]
    parts = in_parts(case.splits.retain, BATCH, np.random.default_rng([case.seed, 21]))
    model, slow = own_copy(case.model), torch.zeros_like(result)
    for rows in parts:
        pixels = case.data.pixels(rows)
        shares = model(pixels).softmax(1).mean(0).detach()
        for label in range(10):
            model.zero_grad()
            F.cross_entropy(model(pixels), torch.full((len(rows),), label)).backward()
            slow += shares[label] * model.network.head.weight.grad**2 / len(parts)
    torch.testing.assert_close(result, slow, rtol=1e-3, atol=1e-9)
    method = FisherForgetting(noise=1e-7)
    was = case.model.network.head.weight.detach()
    moved = torch.tensor(method(case)["model"].weights["head.weight"]) - was
    drawn = (moved / method.variance(slow, is_head=True).sqrt())[torch.arange(10) != 3]
    assert float(drawn.std()) == pytest.approx(1, abs=0.15)  # the noise that this importance asks
    assert float(drawn.mean()) == pytest.approx(0, abs=0.2)


def test_the_variance_is_clamped_averaged_and_larger_for_head_and_biases():
    method = FisherForgetting(noise=1e-3)
    flat = torch.tensor([[1e-12, 1.0], [2.0, 4.0]])
    body = method.variance(flat, is_head=False)
    torch.testing.assert_close(body[0], torch.full((2,), 1e-3 * (1e3 + 1) / 2))
    torch.testing.assert_close(body[1], torch.full((2,), 1e-3 * 0.375))
    head = method.variance(flat, is_head=True)
    torch.testing.assert_close(head[0], torch.full((2,), 1e-2 * (1e2 + 1) / 2))
    torch.testing.assert_close(
        method.variance(torch.tensor([2.0]), is_head=False), torch.tensor([1e-2 / 2])
    )


def test_the_row_of_the_class_is_drawn_around_nothing(case):
    weights = answer(FisherForgetting(noise=1e-9), case)["model"].weights
    assert np.abs(weights["head.weight"][3]).max() < 5 * CLASS_VARIANCE**0.5
    others = np.delete(weights["head.weight"], 3, 0)
    was = np.delete(case.model.network.head.weight.detach().numpy(), 3, 0)
    np.testing.assert_allclose(others, was, atol=0.02)


def test_the_rows_of_several_classes_are_drawn_around_nothing(case):
    both = replace(case, request=request.of_classes(case.data, (3, 5)))
    weights = answer(FisherForgetting(noise=1e-9), both)["model"].weights
    was = case.model.network.state_dict()
    for name in ("head.weight", "head.bias"):
        assert np.abs(weights[name][[3, 5]]).max() < 5 * CLASS_VARIANCE**0.5
        others = [label for label in range(10) if label not in {3, 5}]
        np.testing.assert_allclose(weights[name][others], was[name].numpy()[others], atol=0.02)


def test_more_noise_moves_more(case):
    state = {n: tensor.detach().numpy() for n, tensor in named_weights(case.model).items()}
    moved = [
        sum(
            np.abs(answer(FisherForgetting(noise=n), case)["model"].weights[k] - tensor).sum()
            for k, tensor in state.items()
        )
        for n in (1e-9, 1e-7, 1e-5)
    ]
    assert moved == sorted(moved)
