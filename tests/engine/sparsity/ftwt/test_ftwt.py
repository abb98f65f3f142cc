"""FTWT: gates against hand calculations, against skipped channels, and the claims as measured."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.core.errors import BadModel
from engine.core.method import quiet
from engine.evaluation.experiment import ExperimentCase, trained_model
from engine.sparsity.ftwt import experiment as ftwt
from engine.sparsity.ftwt.channels import every, forward_rows, restored, used, with_gates
from engine.sparsity.ftwt.experiment import (
    AGREES,
    CHANNELS_CHANGED,
    COST,
    DENSE,
    FIXED,
    GATED,
    MAJORITY,
    PLANNED,
    RECIPE,
    RIGHT,
    UNIFORM,
    FireTogether,
)
from engine.sparsity.ftwt.gated import FireLoss, Gated, multiply_adds, targets, uniform
from engine.vision import data as data_sets
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.training import fresh, train
from engine.vision.training.objective import Batch
from tests.engine.anomaly import outcomes
from tests.engine.sparsity.cases import small_case

FIRE_TARGETS = partial(targets, mass=0.8)


def model_of(case, epochs=2):
    recipe = replace(RECIPE, epochs=epochs)
    model = fresh(case.data, recipe, case.seed)
    train(model, case.data, recipe, case.seed)
    return model


def test_the_strongest_channels_that_hold_the_mass_should_fire():
    peaks = torch.tensor([[5.0, 3.0, 2.0, 0.0], [9.0, 0.5, 0.5, 0.0], [0.0, 0.0, 0.0, 0.0]])
    maps = peaks[:, :, None, None] * torch.tensor([[1.0, 0.2], [0.1, 0.0]])
    assert targets(maps, 0.8).int().tolist() == [[1, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]
    assert targets(maps, 0.7).int().tolist() == [[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]
    assert targets(maps, 1.0).int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 0], [1, 0, 0, 0]]


def test_uniform_targets_switch_the_weakest_off_in_every_image():
    peaks = torch.tensor([[5.0, 3.0, 2.0, 0.0], [0.1, 9.0, 0.5, 0.2], [0.0, 0.0, 0.0, 0.0]])
    maps = peaks[:, :, None, None] * torch.tensor([[1.0, 0.2], [0.1, 0.0]])
    assert uniform(maps, 0.5).int().tolist() == [[1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0]]
    assert uniform(maps, 0.7).int().tolist() == [[1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0]]
    assert uniform(maps, 0.9).int().tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]]
    assert uniform(maps, 0.0).int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 0]]


def test_with_every_channel_on_it_is_the_dense_network():
    case = small_case()
    dense = model_of(case)
    gated = with_gates(dense, 0, "decoupled")
    for predictor in gated.network.predictors:
        torch.nn.init.constant_(predictor.linear.bias, 50.0)
    pixels = case.data.pixels(case.data.rows("test"))
    assert torch.equal(gated(pixels), dense(pixels))
    assert torch.equal(with_gates(dense, 0, "joint", every(dense.network))(pixels), dense(pixels))


@pytest.mark.parametrize("loss", ["decoupled", "joint"])
def test_the_predictors_loss_reaches_the_backbone_only_where_it_is_joint(loss):
    case = small_case()
    model = with_gates(model_of(case), 0, loss)
    model.train().requires_grad_(requires_grad=True)
    rows = case.data.rows("train")[:8]
    batch = Batch(rows, case.data.pixels(rows), case.data.targets(rows))
    both = FireLoss(FIRE_TARGETS, 10)(model, batch).sum()
    alone = FireLoss(FIRE_TARGETS, 0)(model, batch).sum()
    weight = model.network.inner.blocks[1].conv1.weight
    slope = torch.autograd.grad(both - alone, weight, retain_graph=True, allow_unused=True)[0]
    assert (slope is not None and slope.abs().max().item() > 1e-7) == (loss == "joint")
    assert torch.autograd.grad(both, model.network.predictors[3].linear.weight)[0].abs().max() > 0


def skipped(gated: Gated, image: torch.Tensor, fired, at_image: int) -> tuple[torch.Tensor, int]:
    """Logits of one image from channels that are on alone, and the multiply-adds of doing so."""
    net, on = gated.inner, [firing.on[at_image].nonzero().ravel() for firing in fired]
    cost = 0

    def layer(conv, norm, maps, inside, outside, add=None):
        nonlocal cost
        weight = conv.weight[outside][:, inside]
        output = F.conv2d(maps, weight, None, conv.stride, conv.padding)
        cost += output.shape[2] * output.shape[3] * weight.numel()
        if norm is None:
            return output
        names = ("running_mean", "running_var", "weight", "bias")
        statistics = [getattr(norm, name)[outside] for name in names]
        output = F.batch_norm(output, *statistics, training=False, eps=norm.eps)
        return output if add is None else output + add

    first = torch.arange(net.conv.in_channels)
    maps = image.mean(1, keepdim=True) if len(first) == 1 else image
    cost += maps.numel() + gated.predictors[0].linear.weight.numel()
    maps, was = layer(net.conv, net.bn, maps, first, on[0]).relu(), on[0]
    for number, block in enumerate(net.blocks):
        middle, last = on[2 * number + 1], on[2 * number + 2]
        for position in (1, 2):
            cost += gated.predictors[2 * number + position].linear.weight.numel()
        cost += maps.numel()
        hidden = layer(block.conv1, block.bn1, maps, was, middle).relu()
        cost += hidden.numel()
        if isinstance(block.short, torch.nn.Identity):
            whole = torch.zeros(1, block.conv2.out_channels, *maps.shape[2:])
            whole[:, was] = maps
            shortcut = whole[:, last]
        else:
            shortcut = layer(block.short[0], block.short[1], maps, was, last)
        maps = layer(block.conv2, block.bn2, hidden, middle, last, shortcut).relu()
        was = last
    logits = F.linear(maps.mean((2, 3)), net.head.weight[:, was], net.head.bias)
    return logits, cost + net.head.weight[:, was].numel()


def test_logits_and_cost_are_those_of_a_network_that_skips_channels():
    case = small_case()
    model = with_gates(model_of(case), 5, "decoupled")
    with torch.no_grad():
        for predictor in model.network.predictors:
            predictor.linear.weight.mul_(20)
    rows = case.data.rows("test")[:6]
    logits, fired = forward_rows(model, case.data, rows)
    cost = multiply_adds(model.network, fired, [firing.on for firing in fired])
    assert any(len(firing.on.unique(dim=0)) > 1 for firing in fired)  # not the same for all images
    assert all(0 < firing.on.float().mean() < 1 for firing in fired[1:])
    images = (case.data.pixels(rows) - model.mean) / model.std
    with torch.no_grad():
        for at in range(len(rows)):
            ours, counted = skipped(model.network, images[at : at + 1], fired, at)
            torch.testing.assert_close(logits[at : at + 1], ours, rtol=1e-4, atol=1e-5)
            assert cost[at].item() == counted


def test_every_figure_is_that_of_networks_trained_and_asked_by_hand(monkeypatch):
    monkeypatch.setattr(ftwt, "RECIPE", replace(RECIPE, epochs=2, rate=0.02))
    case = small_case()
    result = FireTogether(seeds=1, epochs=2, mass=0.7)(case)["table"]
    rows, data = case.data.rows("test"), case.data
    dense = fresh(data, ftwt.RECIPE, case.seed)
    train(dense, data, ftwt.RECIPE, case.seed)
    model = with_gates(dense, case.seed, "decoupled")
    recipe = replace(ftwt.RECIPE, rate=0.01)
    steps = 2 * -(-len(data.rows("train")) // recipe.batch)
    loss = FireLoss(partial(targets, mass=0.7), round(steps / 2))
    train(model, data, recipe, case.seed, objective=loss)
    assert loss.step == steps  # validation is none
    logits, fired = forward_rows(model, data, rows)
    right = (logits.argmax(1) == data.targets(rows)).double().mean().item()
    assert result.cell(GATED, RIGHT) == pytest.approx(right)
    expected = torch.cat([targets(firing.maps, 0.7) for firing in fired], 1)
    on = torch.cat([firing.on for firing in fired], 1)
    assert result.cell(GATED, AGREES) == pytest.approx((on == expected).double().mean().item())
    share = expected.double().mean(0)
    assert result.cell(GATED, MAJORITY) == pytest.approx(torch.maximum(share, 1 - share).mean())
    pairs = [(on[i] != on[j]).double().mean() for i in range(len(on)) for j in range(i)]
    assert result.cell(GATED, CHANNELS_CHANGED) == pytest.approx(np.mean(pairs))
    _, train_fired = forward_rows(model, data, data.some("train", ftwt.COUNTED, case.seed))
    fixed = []
    for fired_layer in train_fired:
        often = fired_layer.on.double().mean(0).tolist()
        most = sorted(range(len(often)), key=lambda at, often=often: (-often[at], at))
        count = round(sum(often))
        fixed.append(torch.tensor([at in most[:count] for at in range(len(often))]))
    still = with_gates(dense, case.seed, "decoupled", fixed)
    train(still, data, recipe, case.seed)  # cross-entropy alone
    hits = forward_rows(still, data, rows)[0].argmax(1) == data.targets(rows)
    assert result.cell(FIXED, RIGHT) == pytest.approx(hits.double().mean().item())
    assert result.cell(DENSE, COST) == pytest.approx(1)
    assert result.cell(FIXED, CHANNELS_CHANGED) == 0
    assert result.cell(DENSE, PLANNED) == result.cell(GATED, PLANNED)


def test_a_picture_of_channels_shows_those_that_are_on():
    on = [torch.tensor([True, False, True]), torch.tensor([False, True])]
    picture = ftwt.barcode(on)
    assert picture.shape == (64, 64, 3)
    dark = (picture == np.array(ftwt.ON)).all(2)
    assert dark[:31].any(0).nonzero()[0].tolist() == [0, 2]
    assert dark[32:].any(0).nonzero()[0].tolist() == [1]


def test_the_kept_network_says_what_an_image_uses_and_what_it_costs(monkeypatch):
    monkeypatch.setattr(ftwt, "RECIPE", replace(RECIPE, epochs=2, rate=0.02))
    case = small_case()
    method = FireTogether(seeds=2, epochs=2, rule=UNIFORM, cut=0.4)
    result = method(case)
    assert result["network"].card
    assert sum(weight.nbytes for weight in result["network"].weights.values()) < 2**20
    model = restored(result["network"])
    dense_network = trained_model(method.conditions(case)[GATED])
    trained = method.network(GATED, dense_network, case, quiet)
    rows = case.data.rows("test")
    logits, fired = forward_rows(trained, case.data, rows)
    assert torch.equal(forward_rows(model, case.data, rows)[0], logits)
    still = with_gates(model_of(case), 0, "joint", every(model.network.inner)).network
    dense = multiply_adds(still, fired, [torch.ones_like(firing.on) for firing in fired])
    cost = multiply_adds(trained.network, fired, [firing.on for firing in fired]) / dense
    assert result["costs"]["multiply-adds"] == pytest.approx(cost.numpy(), rel=1e-6)
    on = torch.cat([firing.on for firing in fired], 1)
    assert result["costs"]["channels"].tolist() == on.sum(1).tolist()
    shares = result["usage"].values[np.isfinite(result["usage"].values)]
    assert shares == pytest.approx(on.double().mean(0).numpy())
    usage = used(ImageCase(model, case.data.pixels(rows[2:3])[0], Target(0)))
    assert usage.on[np.isfinite(usage.on)].tolist() == on[2].tolist()
    assert usage.cost == pytest.approx(cost[2].item())
    assert usage.label == case.data.classes[int(logits[2].argmax())]
    assert usage.probability == pytest.approx(logits[2].softmax(0).max().item(), abs=1e-6)
    with pytest.raises(BadModel):
        restored(replace(result["network"], weights={}))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_claims_at_the_usual_settings(measure):
    result = FireTogether()(ExperimentCase(data_sets.load("mnist-5k")))
    claims, table = result["claims"], result["table"]
    fixed, dense, gated = (table.cell(row, CHANNELS_CHANGED) for row in (FIXED, DENSE, GATED))
    assert fixed == dense == 0 < gated
    outcomes.note(measure, "FTWT, ResNet-8, mnist-5k", claims)
    for name in FireTogether.measures:
        measure(f"FTWT, {name}", outcomes.by_condition(table, name))
