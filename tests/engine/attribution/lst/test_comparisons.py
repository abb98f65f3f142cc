"""The walks that LST is held against are what they say."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.attribution.lst import comparisons
from engine.attribution.lst.method import LST
from tests import tiny
from tests.engine.attribution.lst import slowly
from tests.engine.attribution.lst.test_lst import figures


def test_the_straight_line_is_the_line():
    case, confidence = slowly.linear_pair()
    result = comparisons.StraightLine(steps=20, frames=5)(case)
    source, target = case.source.image.numpy(), case.others[0].numpy()
    for step, value in enumerate(result["source confidence"].y):
        assert value == pytest.approx(confidence(source + step / 20 * (target - source)), abs=1e-5)
    assert result["path"].steps.tolist() == [0, 5, 10, 15, 20]
    np.testing.assert_allclose(result["path"].frames[2], (source + target) / 2, atol=5e-4)
    np.testing.assert_allclose(result["end"].frames[0], target, atol=1e-6)
    assert result["accepted"].y.min() == 1


def test_a_step_on_the_straight_line_costs_one_forward_pass_and_no_slope():
    model = slowly.in_float64(tiny.mlp())
    sources, targets, labels = slowly.pairs(model, 2)
    walk, sloped = comparisons.Line(model, sources, targets, labels, 4), []
    model.register_forward_pre_hook(lambda *_: sloped.append(torch.is_grad_enabled()))
    for step in range(1, 5):
        assert walk.step().tolist() == [True, True]
        torch.testing.assert_close(walk.x, sources + step / 4 * (targets - sources))
        with torch.inference_mode():
            confidence = model.network(walk.x).softmax(1).gather(1, labels[:, None])[:, 0]
        torch.testing.assert_close(walk.confidence, confidence)
    assert sloped == [False] * 4


def test_a_penalty_of_nothing_goes_to_the_target_and_a_large_one_stays():
    case = tiny.pair_case(tiny.mlp(scale=1.0))
    low, high = (
        figures(comparisons.ConfidencePenalty(eta=0.1, steps=100, penalty=penalty, noise=0)(case))
        for penalty in (0.1, 1000.0)
    )
    assert low["RMSE to target"] < 0.02
    assert high["end's confidence"] > 0.99
    assert high["RMSE to target"] > 5 * low["RMSE to target"]


def test_a_step_with_a_penalty_is_gradient_descent_on_the_sum():
    case = tiny.pair_case(tiny.mlp())
    source, target, label = case.source.image[None], case.others[0][None], case.source.target.index
    x = source.clone()
    for _ in range(20):
        x.requires_grad_()
        far = (x - target).square().sum() / 2
        doubt = F.cross_entropy(case.model(x), torch.tensor([label]))
        (slope,) = torch.autograd.grad(far + 3.0 * doubt, x)
        x = (x - 0.05 * slope).detach().clamp(0, 1)
    result = comparisons.ConfidencePenalty(eta=0.05, steps=20, penalty=3.0, noise=0)(case)
    np.testing.assert_allclose(result["end"].frames, x.numpy(), atol=1e-4)


def test_a_batch_with_a_penalty_is_walked_as_one_by_one_and_within_the_box():
    model = slowly.in_float64(tiny.mlp(scale=1.0))
    sources, targets, labels = slowly.pairs(model, 2)
    targets[0, 0], targets[1, 1] = 1.0, 0.0  # where the penalty pushes beyond black and white
    together = comparisons.Penalized(model, sources, targets, labels, 0.3, 10.0)
    x, beyond = sources.clone(), False
    for _ in range(8):
        x.requires_grad_()
        doubt = F.cross_entropy(model(x), labels, reduction="sum")
        (slope,) = torch.autograd.grad(doubt, x)
        moved = (x + 0.3 * (targets - x - 10.0 * slope)).detach()
        beyond |= bool(moved.max() > 1 and moved.min() < 0)
        x = moved.clamp(0, 1)
        assert together.step().all()
        torch.testing.assert_close(together.x, x)
    assert beyond


@pytest.mark.parametrize("kind", [LST, comparisons.ProjectionOnly])
def test_a_walk_that_is_stuck_counts_its_steps_to_the_end_or_stops_there(kind):
    case = tiny.pair_case(tiny.mlp(scale=1.0))
    memory = {"epsilon": None} if kind is LST else {}
    stuck = {"eta": 0.1, "steps": 60, "delta": 0.05, "noise": 0, **memory}
    stays, ends = (kind(**stuck, stop=stop)(case)["accepted"].y for stop in ("retry", "first"))
    assert len(stays) == 61
    assert 2 < len(ends) < 61
    assert ends.tolist() == stays[: len(ends)].tolist()
    assert not stays[len(ends) - 1 :].any()


def test_projection_only_is_the_walk_without_memory():
    case = tiny.pair_case(tiny.mlp())
    same = {"eta": 0.05, "steps": 40}
    first, second = comparisons.ProjectionOnly(**same)(case), LST(**same, epsilon=None)(case)
    others = (LST, comparisons.StraightLine, comparisons.ConfidencePenalty)
    views = [second, *(kind(steps=20)(case) for kind in others)]
    assert all(view.keys() == first.keys() for view in views)
    for name, view in first.items():
        for field, array in view.arrays().items():
            np.testing.assert_array_equal(array, second[name].arrays()[field])
    assert not np.array_equal(first["end"].frames, LST(**same)(case)["end"].frames)
