"""Score-CAM against the paper's algorithm, one map at a time; and bfloat16 against float32."""

from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr

from engine.attribution.heatmaps.score_cam import ScoreCam, mask
from engine.core.method import quiet
from engine.evaluation.maps.class_activation import enlarged
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.images import Crop, square
from engine.vision.images.samples import sample
from engine.vision.models.lite import load_lite
from engine.vision.models.pace import Pace
from tests import tiny
from tests.engine.attribution import toys


def slow(case, layer, cover, weights):
    """Algorithm 1 with a loop over the maps, as the authors' code does it."""
    network = case.model
    nothing = case.baseline(cover)
    with torch.inference_mode():
        maps = network.maps(case.image[None], layer)
        base = case.target.of(network(nothing[None])).item()
        planes, rises = [], []
        for k in range(maps.shape[1]):
            grown = F.interpolate(maps[:, k : k + 1], case.image.shape[1:], mode="bilinear")[0]
            if grown.max() == grown.min():
                continue
            shape = (grown - grown.min()) / (grown.max() - grown.min())
            masked = nothing + shape * (case.image - nothing)
            rises.append(case.target.of(network(masked[None])).item() - base)
            planes.append(maps[0, k].numpy())
    rises = np.array(rises, np.float64)
    alpha = np.exp(rises) / np.exp(rises).sum() if weights == "softmax" else rises
    cells = sum(weight * plane for weight, plane in zip(alpha, planes, strict=True))
    return toys.enlarged(torch.from_numpy(np.maximum(cells, 0)).float())


@pytest.mark.parametrize("weights", ["softmax", "rise"])
@pytest.mark.parametrize("cover", ["mean", "black", "blur"])
@pytest.mark.parametrize("layer", ["conv1", "act2"])
def test_it_is_the_paper_s_algorithm_written_out_map_by_map(layer, cover, weights):
    model = tiny.cnn()
    model.mean.fill_(0.4)  # so that the model's zero is not black
    for target in (Target(2), Target(1, reading="probability"), Target(0, versus=3)):
        case = ImageCase(model, tiny.image(), target)
        expected = slow(case, layer, cover, weights)
        heat = ScoreCam(layer=layer, cover=cover, weights=weights)(case)["map"]
        np.testing.assert_allclose(heat.values, expected, rtol=1e-4, atol=1e-5 * expected.max())


def test_flat_maps_are_left_out_and_masks_reach_from_nothing_to_everything():
    network = tiny.random_weights(tiny.Cnn(), 0)
    with torch.no_grad():
        network.conv2.weight[:5] = 0.0
        network.conv2.bias[:5] = 3.0  # five maps that are 3 everywhere
    case = toys.case_of(network)
    rises = ScoreCam().rises(case, case.model.maps(case.image[None], "act2")[0], quiet)
    assert rises[:5].isnan().all()
    assert rises.isfinite().any()
    expected = slow(case, "act2", "mean", "softmax")
    np.testing.assert_allclose(ScoreCam()(case)["map"].values, expected, atol=1e-5)
    case = toys.case_of(tiny.random_weights(tiny.Cnn(), scale=0.0))
    assert (ScoreCam()(case)["map"].values == 0).all()
    nothing = ScoreCam().joined(torch.ones(3, 2, 4), torch.full((3,), torch.nan))
    assert nothing.tolist() == [[0] * 4] * 2
    shape = mask(torch.tensor([[-3.0, 1.0], [2.0, 5.0]]), tiny.cnn_case())
    assert (shape.min().item(), shape.max().item()) == (0.0, 1.0)


def test_with_softmax_the_map_is_a_mean_of_the_maps_and_stays_between_them():
    case = tiny.cnn_case()
    maps = case.model.maps(case.image[None], "act2")[0]
    heat = ScoreCam()(case)["map"]
    assert maps.amin(0).min() <= heat.values.min()
    assert heat.values.max() <= maps.amax(0).max()
    assert heat.unit == "activation"
    assert ScoreCam(weights="rise")(case)["map"].unit == "logit × activation"


@cache
def lite0():
    model = load_lite()
    model._paces |= {name: Pace(8, True, name, 0.0) for name in ("exact", "fast")}
    return model


def assert_fast_ranks_like_exact(name, layer):
    """Both weightings, from one set of masked scores in each precision."""
    model = lite0()
    if not model.offers_fast:
        pytest.skip("bfloat16 is not offered on this device")
    image = torch.from_numpy(square(sample(name), Crop(), model.side))
    exact = ImageCase(model, image, Target(int(model.logits(image[None]).argmax())))
    maps = model.maps(image[None], layer)[0]
    rises = [ScoreCam().rises(image_case, maps, quiet) for image_case in (exact, exact.at("fast"))]
    for weights in ("softmax", "rise"):
        drawn = [
            enlarged(ScoreCam(weights=weights).joined(maps, rise).relu(), exact) for rise in rises
        ]
        assert spearmanr(*(rise_values.flatten() for rise_values in drawn)).statistic >= 0.98


def test_fast_ranks_like_exact_at_a_smaller_layer():
    assert_fast_ranks_like_exact("coffee", "blocks.2")  # 40 maps


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket", "astronaut", "china"])
def test_fast_ranks_like_exact_on_a_photograph(name):
    assert_fast_ranks_like_exact(name, "bn2")
