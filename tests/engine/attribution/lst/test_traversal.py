"""The traversal has a closed form on linear logits, and agrees with itself written slowly."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.attribution.lst import traversal
from engine.attribution.lst.method import LST
from engine.attribution.lst.traversal import Traversal, WalkRules, dot, margin, refuse_flat, tangent
from engine.core.errors import BlindspotError
from tests import tiny
from tests.engine.attribution.lst import slowly

PLAIN = WalkRules(eta=0.05, epsilon=None, delta=0.2)


def assert_closed_form(swapped=False):
    """Of two linear logits and a pair inside the box, whose sides no step reaches."""
    weight = 0.1 * torch.randn(3, 8, 8, generator=tiny.seeded(3))
    model = slowly.in_float64(tiny.classifier(tiny.Linear(weight), 8, "linear"))
    source, target, labels = slowly.pairs(model)
    w = model.network.weight[None].detach()
    across = target - source - w * dot(target - source, w) / dot(w, w)
    walk = Traversal(model, source, target, 1 - labels if swapped else labels, PLAIN)
    p0 = walk.reference.clone()
    for step in range(1, 301):
        assert walk.step().all()
        expected = source + (1 - 0.95**step) * across
        torch.testing.assert_close(walk.x, expected, rtol=0, atol=1e-6)
        torch.testing.assert_close(walk.confidence, p0, rtol=0, atol=1e-6)
    return walk.x, target, source, w


@pytest.mark.parametrize("swapped", [False, True])
def test_on_two_linear_logits_the_walk_has_a_closed_form(swapped):
    end, target, source, w = assert_closed_form(swapped)
    limit = target - w * dot(target - source, w) / dot(w, w)  # x_t on the source's hyperplane
    torch.testing.assert_close(end, limit, rtol=0, atol=1e-6)
    case, _ = slowly.linear_pair()
    frame = LST(eta=0.05, steps=40, noise=0, epsilon=None)(case)["end"].frames[0]
    expected = slowly.linear_end(case, case.others[0], 0.05, 40)
    np.testing.assert_allclose(frame, expected, atol=1e-5)


@pytest.mark.parametrize(
    "fake", [lambda way, slope: way, lambda way, slope: slope, lambda way, slope: way + slope]
)
def test_a_straight_line_or_a_climb_in_confidence_does_not_have_it(fake, monkeypatch):
    monkeypatch.setattr(traversal, "tangent", fake)
    with pytest.raises(AssertionError):
        assert_closed_form()


@pytest.mark.parametrize(
    ("seed", "epsilon", "delta", "stop"),
    [
        (0, 0.003, 0.2, "retry"),  # every step accepted
        (0, 0.001, 0.02, "retry"),  # one rejected, then pulled back
        (2, 0.0003, 0.05, "retry"),  # stuck for good, with one more step in between
        (0, None, 0.05, "retry"),
        (1, None, 0.0, "retry"),  # without any room it soon stands still
        (0, 0.001, 0.02, "first"),
    ],
)
def test_the_same_written_slowly_in_numpy_takes_the_same_path(seed, epsilon, delta, stop):
    model = slowly.in_float64(tiny.mlp(seed=seed, scale=1.0))
    source, target, labels = slowly.pairs(model, low=0.0, high=1.0)
    walk = Traversal(model, source, target, labels, WalkRules(0.1, epsilon, delta, stop))
    ends = (image[0].flatten().numpy() for image in (source, target))
    rules = (0.1, 120, epsilon, delta, stop)
    path, accepted = slowly.lst(slowly.Network(model), *ends, int(labels), *rules)
    assert accepted.all() == (delta == 0.2)
    assert accepted.any()
    for expected, moved in zip(path[1:], accepted, strict=True):
        assert (not walk.ended and bool(walk.step()[0])) == moved
        np.testing.assert_allclose(walk.x[0].flatten().numpy(), expected, rtol=0, atol=1e-5)
    assert walk.ended == (stop == "first" or epsilon is None)


@given(
    seed=st.integers(0, 50),
    eta=st.floats(0.002, 0.3),
    epsilon=st.none() | st.floats(1e-4, 0.05),
    delta=st.floats(0.001, 0.5),
    stop=st.sampled_from(["retry", "first"]),
    adaptive=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_what_holds_at_every_step(seed, eta, epsilon, delta, stop, adaptive):
    model = slowly.in_float64(tiny.mlp(seed=seed))
    sources, targets, labels = slowly.pairs(model, 3, low=0.0, high=1.0)
    rules = WalkRules(eta, epsilon, delta, stop, adaptive)
    walk = Traversal(model, sources, targets, labels, rules)
    moving = torch.ones(3, dtype=torch.bool)
    for _ in range(12):
        before, slope = walk.x.clone(), walk.slopes()
        way = tangent(targets - before, slope)
        lengths = dot(slope, slope).sqrt() * dot(way, way).sqrt()
        assert (dot(way, slope).abs() <= 1e-5 * lengths).all()
        going = walk.going.clone()
        moved = walk.step()
        moving &= moved
        assert not (moved & ~going).any()
        assert torch.equal(walk.x[~moved], before[~moved])
        assert (walk.x[moved] != before[moved]).flatten(1).any(1).all()
        assert walk.x.min() >= 0
        assert walk.x.max() <= 1
        assert epsilon is None or walk.memory.abs().max() <= epsilon
        with torch.no_grad():
            confidence = model(walk.x).softmax(1).gather(1, labels[:, None])[:, 0]
        torch.testing.assert_close(walk.confidence, confidence)
        assert (confidence[moved] > walk.reference[moved] - delta).all()
        assert stop == "retry" or torch.equal(walk.going, moving)


def test_the_margin_s_sigmoid_is_the_confidence_and_its_slope_survives_certainty():
    logits = torch.tensor([[50.0, 1.0, -3.0], [0.3, 0.1, 2.0]], requires_grad=True)
    classes = torch.tensor([0, 2])
    result = margin(logits, classes)
    exact = logits.detach().double().softmax(1)[[0, 1], classes]
    torch.testing.assert_close(result.sigmoid().double(), exact)
    (slope,) = torch.autograd.grad(result.sum(), logits)
    assert slope[0, 0] == 1.0
    loss = torch.nn.functional.cross_entropy(logits, classes)
    (vanished,) = torch.autograd.grad(loss, logits)
    assert vanished[0, 0].abs() < 1e-20


@pytest.mark.parametrize("make", [tiny.cnn, tiny.vit, tiny.mlp])
def test_a_batch_of_pairs_is_walked_as_one_by_one(make):
    model = slowly.in_float64(make())
    sources, targets, labels = slowly.pairs(model, 4, low=0.0, high=1.0)
    for rules in (WalkRules(0.1, 0.005, 0.01), WalkRules(0.1, 0.005, 0.01, "first", adaptive=True)):
        together = Traversal(model, sources, targets, labels, rules)
        alone = [
            Traversal(model, *pair, rules)
            for pair in zip(*(part.split(1) for part in (sources, targets, labels)), strict=True)
        ]
        for _ in range(15):
            moved = torch.zeros(4, dtype=torch.bool) if together.ended else together.step()
            assert moved.tolist() == [not walk.ended and bool(walk.step()[0]) for walk in alone]
        torch.testing.assert_close(together.x, torch.cat([walk.x for walk in alone]))


@pytest.mark.parametrize("delta", [0.2, 0.02])
def test_a_step_costs_one_forward_and_only_after_a_move_one_backward(delta, monkeypatch):
    model = slowly.in_float64(tiny.mlp(scale=1.0))
    source, target, labels = slowly.pairs(model, low=0.0, high=1.0)
    counts, grad = Counter(), torch.autograd.grad
    model.register_forward_pre_hook(lambda *_: counts.update(["forward"]))

    def counted(*given, **named):
        counts.update(["backward"])
        return grad(*given, **named)

    monkeypatch.setattr(torch.autograd, "grad", counted)
    walk = Traversal(model, source, target, labels, WalkRules(0.1, 0.001, delta))
    moves = [bool(walk.step()[0]) for _ in range(60)]
    assert counts == {"forward": 60 + 2, "backward": 1 + sum(moves[:-1])}
    assert all(moves) == (delta == 0.2)


def test_a_walk_to_where_it_stands_only_comes_nearer():
    model = slowly.in_float64(tiny.mlp())
    source, _, labels = slowly.pairs(model)
    noise = 8 / 255 * (torch.rand(3, 8, 8, generator=tiny.seeded(5)) - 0.5)
    walk = Traversal(model, source, source, labels, PLAIN, noise)
    far = (walk.x - source).norm()
    assert far > 0.05
    for _ in range(40):
        walk.step()
        assert (walk.x - source).norm() <= far
        far = (walk.x - source).norm()
    assert (walk.x - source).abs().max() < 8 / 255


def test_an_adaptive_walk_comes_as_near_in_half_the_steps_and_stays_in_the_band():
    model = slowly.in_float64(tiny.mlp())
    sources, targets, labels = slowly.pairs(model, 6, low=0.2, high=0.8)
    rules = WalkRules(0.02, 0.002, 0.2)
    fixed, adaptive = (
        Traversal(model, sources, targets, labels, replace(rules, adaptive=adapts))
        for adapts in (False, True)
    )
    for step in range(80):
        fixed.step()
        if step % 2:
            adaptive.step()
            assert (adaptive.confidence > adaptive.reference - 0.2).all()
    left = [(walk.x - targets).flatten(1).norm(dim=1) for walk in (fixed, adaptive)]
    assert (left[1] <= left[0] * 1.01).all()


class Constant(torch.nn.Module):
    def forward(self, images):
        return images.mean((1, 2, 3))[:, None] * 0 + torch.tensor([1.0, 0.0])


def test_a_model_without_any_slope_is_refused_in_a_sentence():
    model = tiny.classifier(Constant(), 8, "constant")
    source, target, labels = slowly.pairs(model)
    with pytest.raises(BlindspotError, match="gradients of constant vanish"):
        Traversal(model, source, target, labels, PLAIN)


def adaptive_walk(eta, delta, count):
    """A walk of images whose confidence was 1, without a model."""
    walk = Traversal.__new__(Traversal)
    walk.rules = WalkRules(eta, None, delta, "retry", adaptive=True)
    walk.reference, walk.eta = torch.ones(count), torch.full((count,), eta)
    walk.going = torch.ones(count, dtype=torch.bool)
    return walk


@pytest.mark.parametrize(("eta", "longest"), [(0.02, 0.12), (0.1, 0.5), (0.7, 0.7)])
def test_an_adaptive_step_grows_to_six_times_its_length_and_never_beyond_half_the_way(eta, longest):
    """Unless it was longer than half of the way from the first."""
    walk = adaptive_walk(eta, 0.2, 2)
    for _ in range(40):
        walk._carry_on(torch.arange(2), torch.tensor([True, False]), torch.tensor([1.0, 0.5]))
    assert walk.eta.tolist() == pytest.approx([longest, 0.1 * eta])


def test_an_adaptive_step_grows_where_it_was_easy_stays_where_it_was_not_and_halves_when_rejected():
    """Easy is a fall of less than half of δ: 0.0625 and not 0.125 of 0.25."""
    walk = adaptive_walk(0.125, 0.25, 5)
    rows, accepted = torch.arange(4), torch.tensor([True, True, True, False])
    walk._carry_on(rows, accepted, torch.tensor([0.9375, 0.875, 0.8, 0.7]))
    assert walk.eta.tolist() == pytest.approx([0.1375, 0.125, 0.125, 0.0625, 0.125])
    assert walk.going.all()


def test_a_memory_of_nothing_is_no_memory():
    model = slowly.in_float64(tiny.mlp(scale=1.0))
    source, target, labels = slowly.pairs(model, low=0.0, high=1.0)
    none, nothing = (
        Traversal(model, source, target, labels, WalkRules(0.1, epsilon, 0.2))
        for epsilon in (None, 0.0)
    )
    for _ in range(10):
        assert none.step().all()
        assert nothing.step().all()
    torch.testing.assert_close(none.x, nothing.x)


def test_a_fall_as_large_as_delta_is_too_large_and_the_way_keeps_what_lies_across_the_slope():
    """A walk to where it stands falls by nothing, and nothing is not less than δ = 0."""
    model = slowly.in_float64(tiny.mlp())
    source, _, labels = slowly.pairs(model)
    for delta, moves in ((0.0, False), (1e-9, True)):
        walk = Traversal(model, source, source, labels, WalkRules(0.05, None, delta))
        assert walk.step().tolist() == [moves]
    # (3, 4) along (2, 0) is (3, 0); without a slope nothing is taken away
    way = torch.tensor([[[3.0, 4.0]], [[3.0, 4.0]], [[3.0, 4.0]]])
    slope = torch.tensor([[[2.0, 0.0]], [[0.0, -0.5]], [[0.0, 0.0]]])
    assert tangent(way, slope).tolist() == [[[0, 4]], [[3, 0]], [[3, 4]]]


def test_a_snapshot_stays_as_it_was():
    model = tiny.mlp()
    source, target, labels = slowly.pairs(model)
    walk = Traversal(model, source, target, labels, PLAIN)
    x, confidence = walk.snapshot()
    snapshot = x.clone(), confidence.clone()
    assert walk.step().all()
    assert torch.equal(x, snapshot[0])
    assert torch.equal(confidence, snapshot[1])
    assert not torch.equal(walk.x, x)


@pytest.mark.parametrize("bad", [0.0, torch.nan, torch.inf])
def test_one_slope_of_a_batch_that_is_none_is_enough_to_refuse(bad):
    model, slopes = tiny.mlp(), torch.full((2, 3, 8, 8), 1e-4)
    refuse_flat(model, slopes)  # small slopes are slopes
    slopes[1] = bad
    with pytest.raises(BlindspotError, match="gradients of tiny-mlp vanish"):
        refuse_flat(model, slopes)
