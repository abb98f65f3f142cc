"""COMET's step against the published one, written out with its two backward passes."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.vision.models.small import NetworkShape, build
from engine.vision.training import Recipe, comet_loss, detector_of, fresh, train, train_whole
from engine.vision.training.comet import comet_of, objective_of
from engine.vision.training.objective import Batch, cross_entropy
from tests import tiny
from tests.engine.vision.training.test_loop import same

RECIPE = Recipe("comet", epochs=3, batch=16, optimizer="AdamW", rate=0.003, decay=0.03)


def network_and_batch(seed=0):
    model = tiny.classifier(build("comet", NetworkShape(1, 16, 3), seed), 16)
    rows = np.arange(8)
    pixels = torch.rand(8, 1, 16, 16, generator=tiny.seeded(seed)).expand(-1, 3, -1, -1)
    return model, Batch(rows, pixels, torch.from_numpy(rows % 3))


def gradients(module):
    return {name: parameter.grad for name, parameter in module.named_parameters()}


def two_passes(model, batch, watch, gap, area, area_weight):
    """The published step: ∇L_P for the predictor; then, P kept still, ∇L_S for the selector."""
    network = deepcopy(model.network).train().requires_grad_(requires_grad=True)
    images = batch.pixels.mean(1, keepdim=True)
    mask = network.selector.own_maps(images).sigmoid()
    network.detector.requires_grad_(requires_grad=False)
    inside = F.cross_entropy(network.predictor(mask * images), batch.targets)
    rest = F.cross_entropy(network.detector((1 - mask) * images), batch.targets)
    inside.backward(retain_graph=True)
    of_predictor = {name: slope.clone() for name, slope in gradients(network.predictor).items()}
    for parameter in network.parameters():
        parameter.grad = None
    over = torch.stack([(image_mask.mean() - area).clamp(min=0) for image_mask in mask]).mean()
    loss = inside + watch * (inside - rest + gap).clamp(min=0) + area_weight * over
    loss.backward()
    return loss.item(), of_predictor, gradients(network.selector)


@pytest.mark.parametrize(
    ("watch", "gap", "area", "area_weight"),
    [(4.0, 2.0, 0.15, 100.0), (4.0, -50.0, 0.15, 100.0), (0.0, 2.0, 0.9, 100.0), (2, 1, 0.9, 1)],
    ids=["both press", "the rest is poor enough", "no detector", "small mask"],
)
def test_one_backward_pass_gives_each_part_the_gradient_of_the_published_two(
    watch, gap, area, area_weight
):
    model, batch = network_and_batch()
    expected, of_predictor, of_selector = two_passes(model, batch, watch, gap, area, area_weight)
    model.train().requires_grad_(requires_grad=True)
    loss = comet_loss(model, batch, watch=watch, gap=gap, area=area, area_weight=area_weight)
    loss.backward()
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    result = gradients(model.network.predictor), gradients(model.network.selector)
    for ours, theirs in zip(result, (of_predictor, of_selector), strict=True):
        assert ours.keys() == theirs.keys()
        for name, slope in theirs.items():
            near = 1e-5 * slope.abs().max().item()
            torch.testing.assert_close(ours[name], slope, rtol=1e-3, atol=near, msg=name)
    assert all(parameter.grad is None for parameter in model.network.detector.parameters())


def test_a_mask_below_its_bound_costs_nothing_and_above_it_by_its_excess():
    model, batch = network_and_batch()
    with torch.no_grad():
        mean = model.network.split(batch.pixels)[0].mean((1, 2, 3))
        free, tight = (comet_loss(model, batch, watch=0.0, area=bound) for bound in (0.99, 0.0))
    assert (tight - free).item() == pytest.approx(100 * mean.mean().item(), rel=1e-4)


def test_the_detector_learns_whole_images_first_and_then_stays_to_the_bit():
    data = tiny.columns(16, ("a", "b", "c"))
    model = fresh(data, RECIPE, 4)
    alone = detector_of(deepcopy(model))
    train(alone, data, RECIPE, 4)
    train_whole(model, data, RECIPE, 4)
    after = comet_of(model).detector.state_dict()
    whole = alone.network.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in whole.items())
    before, learned = fresh(data, RECIPE, 4).network, dict(model.network.named_parameters())
    for part in ("selector", "predictor", "detector"):
        weights = before.get_submodule(part).named_parameters(part)
        assert any(not torch.equal(learned[name], tensor) for name, tensor in weights)
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_each_architecture_is_trained_as_it_is_meant():
    data = tiny.columns(16, ("a", "b", "c"))
    kinds = ("comet", "selector", "gp_unet")
    comet, selector, plain = (objective_of(fresh(data, Recipe(kind))) for kind in kinds)
    assert comet is comet_loss
    assert selector.func is comet_loss
    assert selector.keywords == {"watch": 0.0}
    assert plain is cross_entropy


def test_a_killed_training_goes_on_to_the_same_bits(tmp_path, interrupted):
    data, keep = tiny.columns(16, ("a", "b", "c")), tmp_path / "state"
    whole, begun, again = (fresh(data, RECIPE, 4) for _ in range(3))
    train_whole(whole, data, RECIPE, 4)
    interrupted(train_whole, begun, data, RECIPE, 4, keep=keep, beyond=0.6, error=RuntimeError)
    assert any(tmp_path.iterdir())
    train_whole(again, data, RECIPE, 4, keep=keep)
    assert same(again, whole)
