"""QuadAttacK and its baselines: their formulas, honest success, and what cannot be asked."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from engine.attribution.quadattack import many_images
from engine.attribution.quadattack.many_images import AttackedImagesCase
from engine.attribution.quadattack.methods import OrderedAD, OrderedCW, QuadAttacK
from engine.attribution.quadattack.order_losses import NAMES, order_loss
from engine.attribution.quadattack.order_search import OrderSearchRules, search_order
from engine.attribution.quadattack.order_success import OrderedSuccess, common_median, own_median
from engine.attribution.quadattack.ordered_case import OrderedCase, drawn_order, ordered_prefix
from engine.attribution.robustness.scored import attacked_pixels
from engine.core.errors import BlindspotError, DoesNotFit
from engine.core.run import answer
from engine.evaluation.measures.levels import levels_of, levels_to_pixels
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from tests import tiny
from tests.engine.attribution import toys
from tests.engine.attribution.robustness.test_gradient_steps import on_grid

ATTACKS = (QuadAttacK, OrderedCW, OrderedAD)


def case_of(length=2, seed=3, model=None):
    """An image in whole levels, and a list of classes that the model does not see first."""
    case = on_grid(tiny.asked_image(model or tiny.mlp(scale=1.0)), seed)
    prediction = int(case.model.logits(case.image[None])[0].argmax())
    order = drawn_order(len(case.model.labels), prediction, length, seed)
    return OrderedCase(replace(case, target=Target(prediction)), order)


def test_every_step_goes_where_a_plain_loop_of_the_formulas_goes():
    case, steps = case_of(1), 8
    result = QuadAttacK(steps=steps)(case)["search"]
    network = case.model.network
    target, weight, bias = case.order[0], network.last.weight, network.last.bias
    x = case.asked.image
    noise = 2e-3 * torch.randn(x.shape, generator=tiny.seeded(0))
    delta = (x + noise).clamp(0, 1) - x
    first, second, count, smallest, scale = 0.0, 0.0, 0, np.inf, 10.0
    for step in range(steps + 1):
        delta = delta.detach().requires_grad_()
        f = network.first((x + delta).flatten()[None]).tanh()[0]
        z = weight @ f + bias
        point = by_half_spaces(f.detach(), weight, bias, target)
        loss = (f - point).square().sum()
        ours = {name: float(result[name][step]) for name in ("loss", "size")}
        assert float(loss.detach()) == pytest.approx(ours["loss"], rel=2e-2, abs=1e-4)
        assert float(delta.norm()) == pytest.approx(ours["size"], rel=2e-2)
        assert result["λ"][step] == pytest.approx(scale)
        eased = scale
        if int(z.argmax()) == target:
            size = float((levels_of(x + delta) - levels_of(x)).double().norm())
            rounded = levels_of(x + delta).float()[None] / 255
            if int(case.model.logits(rounded).argmax()) == target and size < smallest:
                smallest, eased = size, 0.75 * scale
        (slope,) = torch.autograd.grad(scale * loss + delta.square().sum(), delta)
        if step == 5:
            first, second, count = 0.0, 0.0, 0
        count += 1
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope**2
        ahead = (first / (1 - 0.9**count)) / ((second / (1 - 0.999**count)).sqrt() + 1e-8)
        delta = (1 - 0.0022 * 0.01) * delta.detach() - 0.0022 * ahead
        delta = (x + delta).clamp(0, 1) - x
        scale = eased


def by_half_spaces(features, weight, bias, target, margin=0.2):
    """The nearest point at which one class leads, by Dykstra's alternating projections."""
    point = features.double()
    ways = [
        (weight[target] - weight[other], bias[target] - bias[other])
        for other in range(len(bias))
        if other != target
    ]
    corrections = [torch.zeros_like(point) for _ in ways]
    for _ in range(3000):
        before = point
        for at, (way, ahead) in enumerate(ways):
            way, moved = way.detach().double(), point + corrections[at]  # noqa: PLW2901
            lacking = (margin - way @ moved - float(ahead)).clamp_min(0)
            point = moved + lacking * way / (way @ way)
            corrections[at] = moved - point
        if (point - before).abs().max() < 1e-9:
            break
    return point.float()


def test_the_baselines_lower_their_own_formulas():
    case = case_of(3)
    order, weight = list(case.order), case.model.head.weight.detach().double().numpy()
    x = case.asked.image
    noise = 2e-3 * torch.randn(x.shape, generator=tiny.seeded(0))
    z = case.model((x + noise).clamp(0, 1)[None])[0].detach().double().numpy()
    terms = [
        max(0.0, 0.2 + max(np.delete(z, order[:place])) - min(z[order[:place]]))
        for place in (1, 2, 3)
    ]
    result = OrderedCW(steps=3)(case)["search"]
    assert result["loss"][0] == pytest.approx(sum(terms) / 3, rel=1e-4)
    unit = weight / np.linalg.norm(weight, axis=1, keepdims=True)
    target_logits = (unit @ unit[order].T).mean(1)
    target_logits[order] = [10, 9.7, 9.4]
    q, p = (np.exp(logits) / np.exp(logits).sum() for logits in (target_logits, z))
    search_curve = OrderedAD(steps=3)(case)["search"]
    assert search_curve["loss"][0] == pytest.approx(float((q * np.log(q / p)).sum()), rel=1e-4)


@pytest.mark.parametrize("kind", ATTACKS)
@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_success_is_one_by_an_argsort_of_the_8_bit_image(kind, length):
    for seed in range(4):
        case = case_of(length, seed)
        result = kind(rate=0.01)(case)
        pixels = attacked_pixels(result)
        assert torch.equal(levels_to_pixels(levels_of(pixels)), pixels)
        logits = case.model.logits(pixels[None])[0].numpy()
        right = ordered_prefix(case.order, np.argsort(-logits, kind="stable").tolist())
        assert result["success"]["right"][0] == right
        assert bool(result["success"]["success"][0]) == (right == length)
        words = kind(rate=0.01).finding(case, result)
        assert ("in your order" in words) == (right == length)
        assert (f"{right} of {length} places right" in words) == (right < length)


def test_it_succeeds_on_a_small_network_and_more_steps_make_the_change_no_larger():
    cases = [case_of(3, seed, tiny.learned()) for seed in range(4)]
    short, long = (
        [QuadAttacK(steps=steps, rate=0.01)(case) for case in cases] for steps in (60, 90)
    )
    won = [bool(run["success"]["success"][0]) for run in short]
    assert sum(won) >= 3
    for first, second, success in zip(short, long, won, strict=True):
        if success:
            assert second["figures"]["L2"][0] <= first["figures"]["L2"][0]


@pytest.mark.parametrize("kind", ATTACKS)
def test_without_any_weight_there_is_no_success(kind):
    for seed in range(3):
        assert not kind(weight=0.0)(case_of(2, seed))["success"]["success"][0]


def test_an_attack_that_fails_shows_its_best_try_and_the_seed_draws_its_noise():
    case, method = case_of(3), QuadAttacK(steps=1)
    result = method(case)
    assert not result["success"]["success"][0]
    assert "did not find your order in 1 steps: its best try" in method.finding(case, result)
    other = method(replace(case, asked=replace(case.asked, seed=5)))
    assert result["search"]["size"][0] != other["search"]["size"][0]


def test_searches_halve_in_on_the_weight_and_any_success_counts():
    begins = QuadAttacK(steps=10, searches=3)(case_of(3, 1))["search"]["λ"][[0, 11, 22]]
    assert begins[0] == 10
    assert begins[1] in {5, 15}
    assert abs(begins[2] - begins[1]) == 2.5
    case = case_of(1)
    order = (case.asked.target.index,)  # the order that the image has to begin with
    levels = levels_of(case.asked.image)
    loss = order_loss("QuadAttacK", case.model, order, 0.2)
    rules = OrderSearchRules(10, 3, 0.01, 20.0)
    result = search_order(case.model, levels, order, loss, rules, tiny.seeded(0), lambda *_: None)
    assert result.success
    assert [result.log[at].weight for at in (0, 11, 22)] == [10, 5, 2.5]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ((), "Choose 1 to 3 classes"),
        ((0, 1, 2, 3), "Choose 1 to 3 classes for tiny-mlp, not 4"),
        ((1, 2, 1), "“class 1” is in the list twice"),
        ((0, 9), "Class 9 is unknown"),
        ((-1,), "Class -1 is unknown"),
        ((1, 3), "“class 3” is the class of this image"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused_in_words(order, words):
    image_case = ImageCase(tiny.mlp(), tiny.image(8), Target(3))
    with pytest.raises(BlindspotError, match=words):
        OrderedCase(image_case, order)


class Narrow(nn.Module):
    """One feature, of which three classes are made: the middle one can never lead."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(1, 3)
        tiny.fill(self.last.weight, np.array([[1.0], [0.0], [-1.0]], np.float32))
        tiny.fill(self.last.bias, np.zeros(3, np.float32))

    def forward(self, images):
        return self.last(images.mean((1, 2, 3))[:, None])


def test_impossible_orders_and_models_without_a_linear_head_or_two_classes_are_refused():
    with pytest.raises(BlindspotError, match="cannot say these classes in this order"):
        QuadAttacK()(OrderedCase(toys.case_of(Narrow(), 0, 8), (1,)))
    with pytest.raises(DoesNotFit, match="ends in a linear layer"):
        answer(QuadAttacK(), OrderedCase(tiny.linear_case(), (0,)))
    alone = toys.case_of(tiny.random_weights(tiny.Mlp(8, classes=1)), 0, 8)
    with pytest.raises(DoesNotFit, match="one class only"):
        OrderedCase(alone, (0,))


def test_images_are_looked_at_in_parts_so_that_large_ones_fit_in_memory(monkeypatch):
    model = tiny.learned()
    case = AttackedImagesCase(model, tiny.data_set(("noise",), 2 * model.side), 6, seed=2)
    whole, labels = case.images()
    batch_sizes = []

    def resized(pixels, *given, **more):
        batch_sizes.append(len(pixels))
        return interpolate(pixels, *given, **more)

    monkeypatch.setattr(many_images, "interpolate", resized)
    monkeypatch.setattr(many_images, "AT_ONCE", 4)
    again, same = case.images()
    assert torch.equal(whole, again)
    assert labels == same
    assert batch_sizes
    assert max(batch_sizes) <= 4


def test_success_by_length_counts_what_single_attacks_find():
    model = tiny.learned()
    case = AttackedImagesCase(model, tiny.data_set(("noise",), model.side), 2, seed=2)
    result = OrderedSuccess(steps=40, longest=2, rate=0.02)(case)
    images, labels = case.images()
    assert result["success"]["K"].tolist() == [1, 2]
    rules = OrderSearchRules(40, 1, 0.02, QuadAttacK().weight)
    for at, length in enumerate((1, 2)):
        for name in NAMES:
            won, sizes = [], []
            for number, (image, label) in enumerate(zip(images, labels, strict=True)):
                seed = (2 * 1009 + number) * 101 + length
                order = drawn_order(4, label, length, seed)
                loss = order_loss(name, model, order, 0.2)
                chance = tiny.seeded(seed)
                attempt = search_order(
                    model, levels_of(image), order, loss, rules, chance, lambda *_: None
                )
                won.append(attempt.success)
                if attempt.success:
                    sizes.append(float(attempt.change.double().square().mean().sqrt()))
                row = at * len(images) + number
                assert bool(result["attacks"][f"success {name}"][row]) == attempt.success
            assert result["success"][name][at] == pytest.approx(np.mean(won))
            expected = np.median(sizes) if sizes else np.nan
            assert result["own size"][name][at] == pytest.approx(expected, nan_ok=True, rel=1e-5)
    assert result["attacks"]["image"].tolist() == [*range(len(images))] * 2
    assert result["success"].values[:, 1:].any()


def test_sizes_are_medians_over_own_successes_even_where_no_image_is_common():
    won = np.array([[[1, 0, 0], [1, 0, 0], [0, 1, 0]]], np.float32)  # (K, images, attacks)
    size = np.array([[[2, 9, 9], [4, 9, 9], [90, 7, 9]]], np.float32)
    np.testing.assert_array_equal(own_median(won, size), [[3, 7, np.nan]])
    assert np.isnan(common_median(won, size)).all()
