"""Multiply-adds by hand, overlaps by counting, and weights that lead nowhere."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from engine.core.errors import BlindspotError
from engine.evaluation.cost import cost_of, multiply_adds, weight_uses
from engine.sparsity import MaskRules, Masks, masks_of, prunable_parts, pruned, pruner_of, shrunk
from engine.sparsity.effects.latency import (
    contenders,
    fit_for_cores,
    latency,
    latency_of,
    no_sparse_cores,
    sparse_cores,
)
from engine.sparsity.masks.compare import effective, overlap, overlaps
from engine.vision.models.classifier import Classifier
from engine.vision.models.small import NetworkShape, build
from engine.vision.models.turns import FEWEST
from tests import tiny


def perceptron():
    """128 hidden units, which fit sparse cores."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 128), nn.ReLU(), nn.Linear(128, 4))
    return tiny.random_weights(network)


def test_multiply_adds_are_those_of_a_hand_count_and_of_torch():
    model = tiny.cnn()  # 32 × 32, pooled once to 16 × 16
    assert weight_uses(model) == {"conv1.weight": 32 * 32, "conv2.weight": 16 * 16, "fc.weight": 1}
    assert multiply_adds(model) == 8 * 3 * 9 * 32 * 32 + 16 * 8 * 9 * 16 * 16 + 16 * 4
    for name in ("lenet", "resnet8", "unet", "phantom_cnn"):
        model = tiny.classifier(build(name, NetworkShape(1, 16, 5), 0), side=16)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(torch.zeros(1, 3, 16, 16))
        assert 2 * multiply_adds(model) == counter.get_total_flops()


def test_strides_groups_and_rows_of_tokens_count_as_they_are_computed():
    result = weight_uses(tiny.classifier(build("resnet8", NetworkShape(1, 16, 5), 0), side=16))
    assert result["blocks.1.conv1.weight"] == result["blocks.1.short.0.weight"] == 8 * 8
    vit = tiny.vit()  # 32 ÷ 8 = 4 patches a side, and the class token
    used = weight_uses(vit)
    assert used["patch_embed.proj.weight"] == 16
    assert used["blocks.0.mlp.fc1.weight"] == 17
    assert used["head.weight"] == 1
    layers = nn.Conv2d(3, 6, 3, groups=3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)
    grouped = tiny.classifier(tiny.random_weights(nn.Sequential(*layers)), side=8)
    assert multiply_adds(grouped) == 6 * 1 * 9 * 6 * 6 + 24


def test_masks_save_their_own_share_and_realise_what_can_be_taken_out():
    model = tiny.cnn()
    masks = pruner_of(tiny.prune_case(model), "Magnitude", MaskRules()).at(0.6)
    cost = cost_of(model, masks)
    assert cost.theoretical == masks.counts[0] * 1024 + masks.counts[1] * 256 + 64
    assert cost.dense == multiply_adds(model)
    assert np.isnan(cost.realisable)
    assert cost.sparsity == pytest.approx(0.6, abs=1e-3)
    assert cost.sparsity_of_all == pytest.approx((masks.total - masks.kept) / cost.weights)
    group = pruner_of(tiny.prune_case(model), "Magnitude", MaskRules("per layer", "group")).at(0.5)
    cost = cost_of(model, group, smaller=shrunk(pruned(model, group)).model)
    assert cost.realisable == 4 * 3 * 9 * 1024 + 8 * 4 * 9 * 256 + 8 * 4


def test_the_matrix_of_overlaps_has_that_of_every_two_masks():
    part = prunable_parts(tiny.cnn())[0]
    rng = np.random.default_rng(2)
    shares = {"a": 0.5, "b": 0.5, "c": 0.1}
    drawn = {k: Masks((part,), rng.random(part.size) < share) for k, share in shares.items()}
    result = overlaps(drawn)
    assert result["IoU"].rows == result["IoU"].order == ("a", "b", "c")
    for first, masks in drawn.items():
        assert result["IoU"].cell(first, first) == result["chance"].cell(first, first) == 1
        for second in set(drawn) - {first}:
            single = overlap(masks, drawn[second])
            assert result["IoU"].cell(first, second) == pytest.approx(single.iou)
            assert result["chance"].cell(first, second) == pytest.approx(single.chance)


def test_the_overlap_is_counted_chance_is_the_sheets_formula_and_ratios_tell_layers_apart():
    part = prunable_parts(tiny.cnn())[1]
    first, second = np.zeros(part.size, np.bool_), np.zeros(part.size, np.bool_)
    first[:200], second[100:400] = True, True
    result = overlap(Masks((part,), first), Masks((part,), second))
    assert (result.both, result.only_first, result.only_second) == (100, 100, 200)
    assert result.iou == pytest.approx(100 / 400)
    a, b = 200 / part.size, 300 / part.size
    assert result.chance == pytest.approx(a * b / (a + b - a * b))
    assert result.layers == ((result.iou, result.chance),)
    left = Masks((part,), np.arange(part.size) < 300)  # by an earlier round, which binds the first
    within = Masks((part,), np.arange(part.size) < 150)
    c, d = 200 / 300, 150 / 300
    chance = overlap(Masks((part,), first.copy()), within, left).chance
    assert chance == pytest.approx(c * d / (c + d - c * d))
    unbound = overlap(Masks((part,), first.copy()), Masks((part,), second.copy()), left)
    assert unbound.chance == result.chance
    assert result.ratio_distance == 0
    assert overlap(Masks((part,), first.copy()), Masks((part,), first.copy())).iou == 1
    with pytest.raises(BlindspotError, match="cannot be compared"):
        overlap(Masks((part,), first), Masks(prunable_parts(tiny.cnn())[:1], np.ones(216, bool)))
    layer_parts = prunable_parts(tiny.cnn(), head=False)
    sizes = [part.size for part in layer_parts]
    first, second = np.zeros(sum(sizes), np.bool_), np.zeros(sum(sizes), np.bool_)
    first[:100], second[-100:] = True, True
    assert overlap(Masks(layer_parts, first), Masks(layer_parts, second)).ratio_distance == 1
    result = overlap(Masks(layer_parts, first | second), Masks(layer_parts, first.copy()))
    assert (result.both, result.only_first, result.only_second) == (100, 100, 0)
    assert [iou for iou, _ in result.layers] == [1, 0]


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Hardtanh, nn.Sigmoid])
def test_weights_that_lead_nowhere_are_found(activation):
    """Whatever an activation makes of 0 or of 1: a sigmoid turns silence into a half."""
    model = tiny.cnn(activation)
    layer_parts = prunable_parts(model)
    bits = {p.name: np.ones(p.shape, np.bool_) for p in layer_parts}
    bits["conv1.weight"][2] = False  # nobody makes channel 2
    bits["fc.weight"][:, 5] = False  # nobody reads channel 5
    masks = masks_of(bits, layer_parts)
    useful = effective(model, masks)
    gone = useful.array("conv2.weight") != masks.array("conv2.weight")
    expected = np.zeros((16, 8, 3, 3), np.bool_)
    expected[:, 2], expected[5] = True, True
    assert np.array_equal(gone, expected)
    assert useful.inside(masks)
    whole = masks_of({}, layer_parts)
    assert effective(model, whole).kept == whole.total
    assert effective(tiny.vit(), masks_of({}, prunable_parts(tiny.vit()))) is None


def test_latency_times_every_model_in_turn_and_with_no_time_left_a_few_turns_must_do():
    model, shares = tiny.cnn(), []
    others = {"masked": pruned(model, {})}
    result = latency(model, others, (1, 4), 6, progress=lambda done, *_: shares.append(done))
    order = [(name, batch) for batch in (1, 4) for name in ("dense", "masked")]
    assert [(timing.name, timing.batch) for timing in result] == order
    assert all(0 < timing.low <= timing.median <= timing.high for timing in result)
    assert all(timing.repeats == 6 for timing in result)
    assert result[0].ratio == 1
    assert shares == sorted(shares)
    assert shares[-1] == 1
    model, passes = tiny.cnn(), []
    model.network.register_forward_hook(lambda *_: passes.append(1))
    result = latency(model, {}, batches=(2,), repeats=50, seconds=0.0)
    assert [timing.repeats for timing in result] == [FEWEST]
    assert len(passes) == 2 + FEWEST  # two to warm up


def test_a_timing_is_its_quartiles_and_its_ratio_is_taken_turn_by_turn():
    seconds = [0.001, 0.002, 0.003, 0.004, 0.005]
    result = latency_of("half", 4, seconds, [4 * seconds[0], 2 * seconds[1], *seconds[2:4], 0.050])
    assert (result.low, result.median, result.high) == pytest.approx((2, 3, 4))  # milliseconds
    assert result.ratio == pytest.approx(2)  # of 4, 2, 1, 1 and 10; the medians' is 4 ÷ 3
    assert (result.name, result.batch, result.repeats) == ("half", 4, 5)


def test_the_masked_model_and_the_smaller_one_are_held_against_the_dense_one():
    model = tiny.cnn()
    masks = pruner_of(tiny.prune_case(model), "Magnitude", MaskRules("per layer", "group")).at(0.5)
    zeros = pruned(model, masks)
    result = contenders(zeros, masks)
    assert list(result) == ["masked", "channels taken out"]
    assert result["masked"] is zeros
    assert multiply_adds(result["channels taken out"]) < multiply_adds(zeros)


def test_only_layers_that_fill_whole_tiles_with_two_of_four_fit_sparse_cores():
    sides = {"1": (192, 128), "2": (128, 96), "3": (96, 64), "4": (64, 64), "5": (64, 4)}
    layers = [nn.Linear(*both) for both in sides.values()]
    model = tiny.classifier(tiny.random_weights(nn.Sequential(nn.Flatten(), *layers)), side=8)
    layer_parts = prunable_parts(model)
    half = {part.name: np.tile([True, False, False, True], part.size // 4) for part in layer_parts}
    half["4.weight"][1] = True  # three of the first four
    chosen = {part.name: half[part.name].reshape(part.shape) for part in layer_parts}
    assert fit_for_cores(masks_of(chosen, layer_parts)) == ("1.weight",)


def test_sparse_cores_are_offered_only_where_they_exist_and_the_masks_fit(monkeypatch):
    model = tiny.classifier(perceptron(), side=8)
    fit = pruner_of(tiny.prune_case(model), "Magnitude", MaskRules(structure="N:M")).at(0)
    assert fit_for_cores(fit) == ("1.weight",)
    assert "this computer has none" in no_sparse_cores(model, fit)
    gpu = SimpleNamespace(device=torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (7, 5))
    assert "needs an Ampere GPU" in no_sparse_cores(gpu, fit)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (8, 0))
    assert no_sparse_cores(gpu, fit) == ""
    whole = masks_of({}, prunable_parts(model))
    assert fit_for_cores(whole) == ()
    assert "No linear layer is 2:4" in no_sparse_cores(gpu, whole)


@pytest.mark.gpu
def test_sparse_cores_compute_what_zeros_do():
    model = Classifier(perceptron(), "g", "g", 8, device=torch.device("cuda"))
    masks = pruner_of(tiny.prune_case(model), "Magnitude", MaskRules(structure="N:M")).at(0)
    zeros = pruned(model, masks)
    assert no_sparse_cores(zeros, masks) == ""
    pixels = torch.rand(64, 3, 8, 8, device="cuda").half()
    result = sparse_cores(zeros, masks)(pixels).float()
    torch.testing.assert_close(result, zeros(pixels.float()), rtol=2e-2, atol=2e-2)
