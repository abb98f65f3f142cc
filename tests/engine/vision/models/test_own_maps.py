"""Networks with a map of their own: map and logits come from the same weights."""

import numpy as np
import pytest
import torch

from engine.core.errors import BadModel
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.own_map import OwnMap
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.models.card import card_of, checkpoint
from engine.vision.models.own_map import is_mask, own_maps
from engine.vision.models.rebuild import rebuilt
from engine.vision.models.small import OWN_MAPS, SMALL, TITLES, NetworkShape, build
from tests import tiny
from tests.engine.vision.models.test_small import classifier

every = pytest.mark.parametrize("architecture", OWN_MAPS)
MAXIMA = ("gp_unet", "gp_shuffle_unet", "gp_recon_resnet")
pooling = pytest.mark.parametrize("architecture", MAXIMA)


def images(side=16, count=2):
    return torch.rand(count, 3, side, side, generator=tiny.seeded())


@every
@pytest.mark.parametrize(
    "shape", [NetworkShape(1, 8, 10), NetworkShape(1, 13, 3), NetworkShape(3, 32, 5)], ids=str
)
def test_each_gives_logits_and_a_map_for_any_shape_of_data(architecture, shape):
    model = classifier(architecture, shape)
    pixels = images(shape.side)
    assert model.logits(pixels).shape == (2, shape.classes)
    maps = own_maps(model, pixels)
    assert maps.shape == (2, 1 if is_mask(model) else shape.classes, shape.side, shape.side)
    assert model.head.out_features == shape.classes
    assert architecture in TITLES
    assert architecture not in SMALL


@pooling
@pytest.mark.parametrize("classes", [1, 4])
def test_with_one_feature_logits_are_the_maximum_or_minimum_of_the_map_by_the_weight_s_sign(
    architecture, classes
):
    network = build(architecture, NetworkShape(1, 16, classes, 0.125), 3).eval()
    assert network.head.in_features == 1
    for sign in (1, -1):
        with torch.no_grad():
            network.head.weight.abs_().mul_(sign)
            maps, logits = network.own_maps(images()), network(images())
        assert torch.equal(logits, maps.amax((2, 3)) if sign > 0 else maps.amin((2, 3)))


@pooling
def test_with_several_features_no_pixel_need_reach_the_logit(architecture):
    network = build(architecture, NetworkShape(1, 16, 4), 0).eval()
    weight, bias = network.head.weight, network.head.bias
    with torch.no_grad():
        features = network.decoded(images())
        logits, maps = network(images()), network.own_maps(images())
        expected = torch.einsum("kc,nchw->nkhw", weight, features) + bias[:, None, None]
    torch.testing.assert_close(maps, expected, atol=1e-6, rtol=1e-7)
    expected = features.amax((2, 3)) @ weight.T + bias
    torch.testing.assert_close(logits, expected, atol=1e-6, rtol=1e-7)
    assert not torch.allclose(logits, maps.amax((2, 3)), atol=1e-6)


@pytest.mark.parametrize("architecture", [*MAXIMA, "mean_unet"])
def test_logits_are_the_same_in_training_and_evaluation(architecture):
    network = build(architecture, NetworkShape(1, 16, 4), 0)
    with torch.no_grad():
        assert torch.equal(network.train()(images()), network.eval()(images()))


def test_with_means_a_class_score_is_the_mean_of_its_map_and_grad_cam_is_that_map():
    model = classifier("mean_unet", NetworkShape(1, 16, 3))
    maps = own_maps(model, images())
    torch.testing.assert_close(maps.mean((2, 3)), model.logits(images()), atol=1e-6, rtol=1e-5)
    case = ImageCase(model, images()[0], Target(1))
    cam = GradCam(raising=False)(case)["map"].values * 16**2  # each cell is its share of the mean
    bias = model.head.bias[1].item()
    np.testing.assert_allclose(cam, maps[0, 1].numpy() - bias, atol=1e-6)


@every
def test_a_kept_model_is_the_same_model_and_gray_is_the_mean_of_three_channels(architecture):
    model, colored = classifier(architecture, NetworkShape(1, 12, 3)), images(12)
    again = rebuilt(checkpoint(model, card_of(model)))
    assert again.fingerprint == model.fingerprint
    assert torch.equal(again(colored), model(colored))
    assert torch.equal(own_maps(again, colored), own_maps(model, colored))
    gray = colored.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    torch.testing.assert_close(model(colored), model(gray), atol=1e-5, rtol=1e-4)
    maps, expected = own_maps(model, colored), own_maps(model, gray)
    torch.testing.assert_close(maps, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("architecture", ["comet", "selector"])
def test_comet_s_predictor_sees_only_what_the_mask_keeps(architecture):
    network = build(architecture, NetworkShape(3, 16, 4), 0).eval()
    with torch.no_grad():
        mask, visible, removed = network.split(images())
        assert mask.shape == (2, 1, 16, 16)
        assert ((mask > 0) & (mask < 1)).all()
        torch.testing.assert_close(visible + removed, images())
        torch.testing.assert_close(network(images()), network.predictor(mask * images()))
    model = classifier(architecture, NetworkShape(3, 16, 4))
    assert model.last_map.name == "predictor.body.5"  # where Grad-CAM reads
    assert network.train().predictor.training
    assert not any(module.training for module in network.detector.modules())


def test_a_model_without_a_map_says_so():
    case = tiny.cnn_case()
    reason = "it needs a map of the model's own, and this model has none."
    assert case.model.lacks("own map") == reason == OwnMap.unmet(case)
    with pytest.raises(BadModel, match="has no map of its own"):
        own_maps(case.model, case.image[None])
    with pytest.raises(BadModel, match="has no map of its own"):
        is_mask(case.model)
    unet = tiny.classifier(build("unet", NetworkShape(3, 32, 4), 0))
    assert not unet.lacks("own map")  # whose score is the mean of its map
