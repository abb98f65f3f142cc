"""N:M weights: the pattern, gradients by autograd, schedules, and which recipes coincide."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest
import torch
from torch import nn
from torch.ao.pruning import WeightNormSparsifier

from engine.core.errors import BadSetting, DoesNotFit
from engine.core.result import WeightScores
from engine.sparsity.masks.units import best_of_each
from engine.sparsity.nm_flow.nm_weights import (
    EXPONENTIAL,
    LINEAR,
    NMRegime,
    NMWeight,
    geometric,
    largest_weights,
    split,
    stepwise,
)
from engine.vision.models.bits import unpacked_bits
from engine.vision.training import Recipe, fresh
from engine.vision.weights.parts import prunable_parts
from tests.engine.vision.training.test_loop import same, striped, trained

VIT = Recipe("vit", epochs=2, batch=8, optimizer="AdamW", rate=0.01, decay=0.01)
CNN = replace(VIT, architecture="resnet8")
NARROW = replace(CNN, width=0.25)
STE = NMRegime((1, 16))
FADES = replace(STE, fade=EXPONENTIAL, half_life=0.1, straight=False)
RECIPES = {
    "STE": STE,
    "SR-STE": replace(STE, pull=2e-4),
    "MdGf linear": replace(FADES, fade=LINEAR),
    "MdGf exponential": FADES,
    "SdGf stepwise": replace(STE, frames=stepwise((1, 16))),
    "SdGf geometric": replace(STE, frames=geometric((1, 16))),
}


@pytest.fixture(scope="module")
def data():
    return striped()


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def in_groups(weight, m):
    """Groups of m along the inputs, (groups, m)."""
    rows = weight.reshape(*weight.shape[:2], -1)  # (out, in, places)
    return torch.cat([matrix.T.reshape(-1, m) for matrix in rows])  # of one output after another


@pytest.mark.parametrize("shape", [(6, 32), (4, 32, 3, 3)])
@pytest.mark.parametrize("pattern", [(1, 16), (2, 8), (2, 4), (4, 4)])
def test_the_n_largest_of_every_m_inputs_are_kept(shape, pattern):
    weight = drawn(*shape)
    is_kept = in_groups(largest_weights(weight, pattern), pattern[1])
    groups = in_groups(weight, pattern[1]).abs()
    assert (is_kept.sum(1) == pattern[0]).all()
    least = torch.where(is_kept, groups, inf).amin(1)
    assert (least >= torch.where(is_kept, -inf, groups).amax(1)).all()
    for equal in (torch.zeros(shape), -torch.ones(shape)):
        assert (in_groups(largest_weights(equal, pattern), pattern[1]).sum(1) == pattern[0]).all()


def test_two_of_four_are_those_of_torch_s_sparsifier():
    network = nn.Sequential(nn.Linear(64, 48))
    with torch.no_grad():
        network[0].weight.copy_(drawn(48, 64))
    mask = largest_weights(network[0].weight, (2, 4))
    sparsifier = WeightNormSparsifier(1.0, (1, 4), 2)
    sparsifier.prepare(network, [{"tensor_fqn": "0.weight"}])
    sparsifier.step()
    assert torch.equal(mask, network[0].parametrizations.weight[0].mask.bool())


def test_the_masks_of_prune_are_the_same(data):
    model = fresh(data, CNN)
    pieces = split(model, (1, 16))[0]
    state = model.network.state_dict()
    scores = {piece.name: state[piece.name].abs().numpy() for piece in pieces}
    theirs = best_of_each(pieces, WeightScores(scores, "", "sum"), 1, 16)
    for piece in pieces:
        ours = largest_weights(state[piece.name], (1, 16)).numpy()
        assert np.array_equal(ours, theirs.array(piece.name))


@pytest.mark.parametrize("name", RECIPES)
def test_gradients_are_those_of_the_recipe(name):
    """G is the gradient of the weight that the network sees, by autograd of a real loss."""
    regime, images = RECIPES[name], drawn(9, 32, seed=2)
    regime = replace(regime, pull=0.3) if regime.pull else regime
    for done in (0.0, 0.1, 0.15, 1.0):
        under = NMWeight(regime, 32)
        under.at(done)
        weight = drawn(5, 32).requires_grad_()
        masked_weight = under(weight)
        masked_weight.retain_grad()
        ((images @ masked_weight.T).square().sum() + masked_weight.exp().sum()).backward()
        m, beta = largest_weights(weight, under.pattern).float(), regime.beta(done)
        w = weight.detach()
        assert torch.equal(masked_weight.detach(), w * (m + (1 - m) * beta))
        expected = masked_weight.grad * (m + (1 - m) * beta if name.startswith("MdGf") else 1)
        if name == "SR-STE":
            expected = masked_weight.grad + 0.3 * (1 - m) * w
            assert not torch.allclose(expected, masked_weight.grad)
        torch.testing.assert_close(weight.grad, expected, rtol=1e-6, atol=0)
        if name.startswith("MdGf"):  # β of it is the true derivative
            again = w.clone().requires_grad_()
            plain = again * (m + (1 - m) * beta)
            ((images @ plain.T).square().sum() + plain.exp().sum()).backward()
            torch.testing.assert_close(weight.grad, again.grad, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("recipe", "pattern"), [(VIT, (1, 16)), (NARROW, (2, 4))])
@pytest.mark.parametrize("name", RECIPES)
def test_the_pattern_holds_whenever_beta_is_0_and_in_the_end(data, name, recipe, pattern):
    regime = replace(RECIPES[name], pattern=pattern, tune=0.25)
    if regime.frames:
        regime = replace(regime, frames=(stepwise if "step" in name else geometric)(pattern))
    names = [part.name for part in split(fresh(data, recipe), pattern)[0]]
    counts = []

    def look(model, _rate):
        weights = [model.network.get_submodule(name.rpartition(".")[0]).weight for name in names]
        counts.append(
            [{int(n) for n in in_groups(weight != 0, pattern[1]).sum(1)} for weight in weights]
        )

    model, _ = trained(data, recipe, regime=regime, after_step=look)
    exact = [{pattern[0]}] * len(names)
    if not (regime.fade or regime.frames):
        assert counts == [exact] * 8
    elif "geo" not in name:
        assert counts[0] != exact  # before the time of the first step is over
    assert counts[6] == counts[7] == exact
    state = model.network.state_dict()
    shapes = {name: tuple(state[name].shape) for name in names}
    assert unpacked_bits(model.masks, shapes).keys() == set(names)
    for weight_name in names:
        assert (in_groups(state[weight_name] != 0, pattern[1]).sum(1) == pattern[0]).all()


def test_recipes_that_coincide_give_the_same_bits(data):
    ste, _ = trained(data, VIT, regime=STE)
    at_once = replace(STE, fade=EXPONENTIAL, half_life=0.0)
    for recipe in [replace(STE, pull=0.0), at_once, replace(at_once, fade=LINEAR)]:
        assert same(trained(data, VIT, regime=recipe)[0], ste)
    for name, recipe in list(RECIPES.items())[1:]:
        assert not same(trained(data, VIT, regime=recipe)[0], ste), name


@pytest.mark.parametrize("recipe", [VIT, NARROW])
def test_beta_of_1_all_along_is_dense_training_to_the_bit(data, recipe):
    dense, log = trained(data, recipe)
    for straight in (False, True):
        regime = replace(FADES, half_life=inf, straight=straight)
        model, pattern_log = trained(data, recipe, regime=regime)
        assert same(model, dense)
        assert np.array_equal(pattern_log.train_loss, log.train_loss)
        assert not model.masks


def test_a_dense_phase_learns_as_dense_training_until_it_ends(data):
    _, log = trained(data, VIT)
    for name, regime in RECIPES.items():
        late = replace(regime, dense=0.5, pull=regime.pull * 1000)
        _, pattern_log = trained(data, VIT, regime=late)
        assert pattern_log.train_loss[0] == log.train_loss[0], name
        assert pattern_log.train_loss[1] != log.train_loss[1], name


def test_beta_halves_in_its_half_life_and_ends_at_0():
    for regime in (FADES, replace(FADES, dense=0.2)):
        start = regime.dense
        assert regime.beta(start) == 1
        assert regime.beta(start + 0.1) == pytest.approx(0.5)
        assert regime.beta(start + 0.3) == pytest.approx(0.125)
        assert regime.beta(1.0) == 0
        linear = replace(regime, fade=LINEAR)
        assert linear.beta(start + 0.1) == pytest.approx(0.5)
        assert linear.beta(start + 0.05) == pytest.approx(0.75)
        assert linear.beta(start + 0.21) == 0
    assert replace(FADES, dense=0.2).beta(0.19) == 1
    assert replace(FADES, tune=0.8).beta(0.19) > 0
    assert replace(FADES, tune=0.8).beta(0.21) == 0
    assert STE.beta(0.0) == 0


def test_frames_are_equally_long_between_the_phases_and_too_large_groups_are_left_out():
    assert (*stepwise((1, 16)), (1, 16)) == ((15, 16), (8, 16), (4, 16), (2, 16), (1, 16))
    assert (*stepwise((2, 4)), (2, 4)) == ((3, 4), (2, 4))
    assert (*stepwise((1, 4)), (1, 4)) == ((3, 4), (2, 4), (1, 4))
    assert (*geometric((1, 16)), (1, 16)) == ((8, 128), (4, 64), (2, 32), (1, 16))
    regime = replace(STE, frames=stepwise((1, 16)), dense=0.25, tune=0.25)
    times = np.arange(0, 1, 0.005)
    patterns = [regime.pattern_at(done, 64) for done in times]
    assert patterns[0] == (15, 16)
    for frame, (n, m) in enumerate(regime.frames):
        time = times[[pattern == (n, m) for pattern in patterns]]
        assert time.max() == pytest.approx(0.25 + 0.1 * (frame + 1), abs=0.006)
    late = {pattern for pattern, done in zip(patterns, times, strict=True) if done > 0.66}
    assert late == {(1, 16)}
    assert regime.pattern_at(1.0, 64) == (1, 16)
    regime = replace(STE, frames=geometric((1, 16)))
    results = [regime.pattern_at(done, 64) for done in (0.1, 0.4, 0.6, 0.9)]
    assert results == [(4, 64), (4, 64), (2, 32), (1, 16)]
    assert [regime.pattern_at(done, 128) for done in (0.1, 0.9)] == [(8, 128), (1, 16)]


def test_feed_forward_layers_or_convolutions_are_meant_and_others_stay_dense(data):
    fits, dense = split(fresh(data, VIT), (1, 16))
    layers = [f"blocks.{n}.mlp.fc{k}" for n in range(4) for k in (1, 2)]
    assert [part.layer for part in fits] == layers
    assert not dense
    model = fresh(data, CNN)
    fits, dense = split(model, (1, 32))
    expected = {p.name for p in prunable_parts(model) if p.is_conv}
    assert {part.name for part in (*fits, *dense)} == expected
    assert [part.shape[1] for part in fits] == [32, 32, 64, 32]
    assert "conv" in [part.layer for part in dense]


def test_what_cannot_be_is_said(data):
    with pytest.raises(DoesNotFit, match=r"No layer of .* in groups of 32: choose a smaller M"):
        split(fresh(data, replace(CNN, architecture="lenet")), (1, 32))
    with pytest.raises(BadSetting, match="5:4 is no pattern: keep at least 1 and at most 4 of 4"):
        NMRegime((5, 4))
    with pytest.raises(BadSetting, match="fill the whole training: shorten one"):
        NMRegime((2, 4), dense=0.5, tune=0.5)
