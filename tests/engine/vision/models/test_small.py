"""The small networks: what they promise each other, and that existing methods work on them."""

import numpy as np
import pytest
import torch

from engine.attribution.heatmaps.attention_rollout import AttentionRollout
from engine.attribution.heatmaps.deep_lift import DeepLift
from engine.attribution.heatmaps.guided_backprop import GuidedBackprop
from engine.attribution.heatmaps.layer_cam import LayerCam
from engine.attribution.heatmaps.occlusion import Occlusion
from engine.core.errors import BadModel
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.gradient import Gradient
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.models.classifier import Classifier
from engine.vision.models.small import OWN_MAPS, SMALL, TITLES, NetworkShape, build
from tests import tiny

every = pytest.mark.parametrize("architecture", SMALL)
CONVOLUTIONAL = tuple(name for name in SMALL if name not in {"mlp", "vit"})
RECTIFIED = ("mlp", "lenet", "resnet8", "unet", "phantom_cnn", "scene_cnn")


def classifier(architecture, shape, seed=0):
    network, options = build(architecture, shape, seed), {"architecture": architecture}
    title = TITLES[architecture]
    return Classifier(network, architecture, title, shape.side, device=tiny.CPU, **options)


def case_of(architecture, shape):
    return ImageCase(classifier(architecture, shape), tiny.image(shape.side), Target(1))


@every
@pytest.mark.parametrize(
    "shape", [NetworkShape(1, 8, 10), NetworkShape(1, 28, 10), NetworkShape(3, 32, 5)], ids=str
)
def test_each_gives_logits_for_any_shape_of_data(architecture, shape):
    model = classifier(architecture, shape)
    assert model.logits(torch.rand(2, 3, shape.side, shape.side)).shape == (2, shape.classes)
    assert model.head.out_features == shape.classes
    assert architecture in TITLES


def test_sizes_are_those_of_the_sheets():
    def weights(architecture, shape):
        return sum(p.numel() for p in build(architecture, shape).parameters())

    assert weights("mlp", NetworkShape(1, 28, 10)) == 784 * 256 + 256 + 256 * 257 + 257 * 10
    assert weights("mlp", NetworkShape(1, 8, 10)) == 64 * 128 + 128 + 128 * 129 + 129 * 10
    for side, maps in ((8, 4), (9, 3), (12, 3), (32, 8)):  # two halvings, one where that is small
        blocks = build("resnet8", NetworkShape(1, side, 10)).blocks
        sides = [block(torch.zeros(1, 16, side, side)).shape[-1] for block in (blocks[0], blocks)]
        assert sides == [side, maps]
    assert 100_000 < weights("phantom_cnn", NetworkShape(1, 96, 4)) < 110_000


@pytest.mark.parametrize(
    ("architecture", "weights", "side"),
    [
        ("lenet", 215_370, 14),
        ("resnet8", 77_754, 7),
        ("vit", 139_018, 7),
        ("unet", 66_814, 28),
        ("phantom_cnn", 106_958, 4),
        ("scene_cnn", 106_958, 7),
        ("gp_unet", 29_698, 28),
        ("gp_shuffle_unet", 27_506, 28),
        ("gp_recon_resnet", 86_274, 28),
        ("comet", 280_613, 7),
    ],
)
def test_files_that_ship_have_so_many_weights_and_maps_of_this_side(architecture, weights, side):
    model = classifier(architecture, NetworkShape(1, 28, 10))
    assert sum(p.numel() for p in model.network.parameters()) == weights
    assert model.last_map.cells == (side, side)


@every
@pytest.mark.parametrize("width", [0.25, 0.3, 2.0])
def test_hidden_units_grow_with_the_width_and_the_rest_stays(architecture, width):
    usual, other = (build(architecture, NetworkShape(1, 28, 10, factor)) for factor in (1.0, width))
    assert other.head.out_features == 10
    assert other.head.in_features / usual.head.in_features == pytest.approx(width, rel=0.15)
    before, after = (sum(p.numel() for p in network.parameters()) for network in (usual, other))
    assert (after > before) == (width > 1)
    assert other.eval()(torch.rand(2, 3, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize("architecture", [*SMALL, *OWN_MAPS])
def test_weights_come_from_the_seed_alone(architecture):
    shape = NetworkShape(1, 12, 3)
    state = torch.random.get_rng_state()
    torch.manual_seed(5)
    first = build(architecture, shape, 1).state_dict()
    torch.manual_seed(6)
    before = torch.random.get_rng_state()
    second, third = build(architecture, shape, 1).state_dict(), build(architecture, shape, 2)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.random.set_rng_state(state)
    assert all(torch.equal(first[name], second[name]) for name in first)
    drawn = [name for name, p in third.named_parameters() if p.ndim > 1]
    assert all(not torch.equal(first[name], third.state_dict()[name]) for name in drawn)


@pytest.mark.parametrize("architecture", [*CONVOLUTIONAL, "mlp", *OWN_MAPS])
def test_first_weights_are_as_wide_as_torchs_own(architecture):
    shape = NetworkShape(1, 16, 3)
    seeded, torchs = build(architecture, shape, 0), build(architecture, shape)
    for name, weight in seeded.named_parameters():
        if weight.ndim > 1 and weight.numel() > 500:
            wide = torchs.get_parameter(name).std().item()
            spread = getattr(seeded, "spread", 1.0) if weight.ndim == 4 else 1.0
            assert weight.std().item() == pytest.approx(spread * wide, rel=0.12), name
        elif weight.ndim == 1 and name.endswith("weight"):  # of a norm or a PReLU: not drawn
            assert torch.equal(weight, torchs.get_parameter(name)), name


@every
def test_grey_is_the_mean_of_three_channels_and_gradients_are_spread_evenly(architecture):
    model = classifier(architecture, NetworkShape(1, 12, 3))
    colored = torch.rand(2, 3, 12, 12, generator=tiny.seeded())
    gray = colored.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    assert torch.allclose(model(colored), model(gray), atol=1e-5)
    pixels = colored.requires_grad_()
    (slope,) = torch.autograd.grad(model(pixels)[:, 1].sum(), pixels)
    assert torch.allclose(slope[:, 0], slope[:, 1])
    assert torch.allclose(slope[:, 0], slope[:, 2])
    assert slope.abs().max() > 0


@pytest.mark.parametrize(("side", "kernel"), [(15, 3), (16, 5)])
def test_networks_of_images_below_sixteen_pixels_look_at_less_at_once(side, kernel):
    network = classifier("lenet", NetworkShape(1, side, 3)).network
    assert {conv.kernel_size for conv in (network.conv1, network.conv2)} == {(kernel, kernel)}


def test_color_data_keep_their_channels():
    model = classifier("lenet", NetworkShape(3, 12, 3))
    colored = torch.rand(1, 3, 12, 12, generator=tiny.seeded())
    assert not torch.allclose(model(colored), model(colored.flip(1)))


@every
@pytest.mark.parametrize("side", [8, 16, 28])
def test_maps_of_gradients_squares_and_layers_are_made_of_each(architecture, side):
    case = case_of(architecture, NetworkShape(1, side, 4))
    methods = [Gradient(), Occlusion(side=4)]
    if architecture in CONVOLUTIONAL:
        methods += [GradCam(), LayerCam()]
        assert case.model.last_map is not None
        assert all(layer.name != "" for layer in case.model.layers)
    if architecture in RECTIFIED:
        methods += [DeepLift(), GuidedBackprop()]
    for at, method in enumerate(methods):
        assert method.unmet(case) == ""
        values = method(case)["map"].values
        assert values.shape == (side, side)
        assert np.isfinite(values).all()
        assert values.any() or at > 1  # a class may have no positive evidence in a layer


def test_attention_of_the_small_transformer_is_read_and_what_a_network_lacks_is_said():
    case = case_of("vit", NetworkShape(1, 28, 4))
    assert len(case.model.attentions) == 4
    values = AttentionRollout()(case)["map"].values
    assert values.shape == (28, 28)
    assert np.isfinite(values).all()
    mlp, vit = (case_of(name, NetworkShape(1, 16, 4)) for name in ("mlp", "vit"))
    assert "read as a map" in GradCam.unmet(mlp)
    assert GradCam.unmet(vit) == ""
    assert AttentionRollout.unmet(vit) == ""
    assert "attention" in AttentionRollout.unmet(mlp)


def test_a_class_score_of_the_unet_is_the_mean_of_its_map():
    network = build("unet", NetworkShape(1, 13, 3), 0).eval()
    images = torch.rand(2, 3, 13, 13, generator=tiny.seeded())
    places = network.own_maps(images)
    assert places.shape == (2, 3, 13, 13)
    assert torch.allclose(places.mean((2, 3)), network(images), atol=1e-5)


def test_the_phantom_network_sees_a_single_bright_place_that_a_mean_would_lose():
    network = build("phantom_cnn", NetworkShape(1, 96, 4), 0).eval()
    dark = torch.zeros(1, 3, 96, 96)
    spot = dark.clone()
    spot[..., 40:44, 40:44] = 1
    with torch.no_grad():
        maps = network.body(spot.mean(1, keepdim=True)) - network.body(dark[:, :1])
    assert maps.amax((2, 3)).abs().max() > 5 * maps.mean((2, 3)).abs().max()


def test_the_scene_network_is_the_phantom_s_with_maps_twice_as_fine():
    names, shape = ("phantom_cnn", "scene_cnn"), NetworkShape(3, 64, 16)
    coarse, fine = (build(name, shape, 0).eval() for name in names)
    weights = fine.state_dict()
    assert all(torch.equal(weights[name], same) for name, same in coarse.state_dict().items())
    images = torch.rand(1, 3, 64, 64, generator=tiny.seeded())
    assert coarse.body(images).shape[2:] == (8, 8)
    assert fine.body(images).shape[2:] == (16, 16)


def test_what_cannot_be_built_is_said():
    with pytest.raises(BadModel, match="no small network 'vgg'"):
        build("vgg", NetworkShape(1, 8, 2))
    with pytest.raises(BadModel, match="4 pixels are too small"):
        build("mlp", NetworkShape(1, 4, 2))
