"""The trial of random weights: a map that needs nothing that was learned is caught."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from engine.attribution.heatmaps.deep_lift import DeepLift
from engine.attribution.heatmaps.gradient_x_input import GradientXInput
from engine.attribution.heatmaps.integrated_gradients import IntegratedGradients
from engine.core.errors import Cancelled
from engine.evaluation.maps.gradient import Gradient
from engine.evaluation.trust import OtherClass, RandomWeights, TrustCase
from engine.evaluation.trust.alike import Comparison
from engine.evaluation.trust.random_weights import randomized
from engine.vision.case import ImageCase
from engine.vision.data import load as load_data
from engine.vision.models.classifier import Classifier
from tests.engine.attribution.toys import slow, toy
from tests.engine.evaluation.trust.asking import Linear, check_of, verdict


def test_a_map_that_needs_no_weights_is_caught(digit):
    edges = toy(lambda case: np.hypot(*np.gradient(case.image.mean(0).numpy())))
    check = check_of(RandomWeights(), digit, edges)
    assert verdict(check) == -1
    assert check["order"][0] == pytest.approx(1)
    assert "do not trust" in check.notes[0]


def test_the_gradient_is_gone_with_random_weights_and_a_flat_map_not_compared(digit):
    """Grad-CAM is not, on this tiny network: its 4 × 4 places follow the ink (0.64 by order)."""
    case = TrustCase(digit, Gradient())
    result = RandomWeights()(case)
    assert result["check"]["order"][0] < 0.5
    assert result["order"].x[-1] == 1
    assert len(RandomWeights(stages=2)(case)["order"].x) == 3
    for name in ("order", "ssim"):  # both curves begin at the map itself with nothing shuffled
        assert (result[name].x[0], result[name].y[0]) == (0, 1)
        assert len(result[name].x) == len(result[name].y)
    fingerprint = digit.model.fingerprint

    def dies(case):
        return case.image[0].numpy() * (case.model.fingerprint == fingerprint)

    check = check_of(RandomWeights(), digit, toy(dies))
    assert np.isnan(verdict(check))
    assert "cannot be compared" in check.notes[0]


@pytest.mark.parametrize(
    ("order", "signed", "expected", "words"),
    [
        (0.9, True, -1, "Looks the same"),
        (-0.9, True, -1, "the opposite map"),
        (-0.9, False, 1, "it is gone"),
        (0.6, True, 0, "something of it is left"),
        (-0.4, True, 1, "it is gone"),
    ],
)
def test_what_is_left_is_told_by_the_share_of_the_way_from_chance(order, signed, expected, words):
    """From a chance of 0.3 the limits lie at 0.51 and 0.65."""
    compared = Comparison(np.ones((4, 4), np.bool_), signed, chance=0.3)
    check = RandomWeights().judged(compared, order, ssim=0.1)
    assert (verdict(check), words in check.notes[0]) == (expected, True)


def test_a_model_without_weights_to_shuffle_is_said_to_have_none():
    class Bare(nn.Module):
        def forward(self, images):
            return images.flatten(2).mean(2)

    case = ImageCase(Classifier(Bare(), "bare", "bare", side=8), torch.rand(3, 8, 8), 0)
    check = check_of(RandomWeights(), case, toy(lambda case: case.image[0].numpy()))
    assert "no convolution or linear layer" in check.notes[0]


def test_a_trial_can_be_cancelled_inside_a_map(digit):
    """Otherwise Stop would wait for a dear map to be finished."""

    def long(case, progress):
        progress(0.5, "half a map")
        return case.image[0].numpy()

    reports = []

    def stop(done, words="", partial=None):
        reports.append((done, words))
        raise Cancelled("enough")

    case = TrustCase(digit, slow(long))
    assert case.heat.values.shape == (8, 8)
    with pytest.raises(Cancelled):
        RandomWeights(stages=2)(case, stop)
    assert reports == [(0.25, "shuffling weights: map 1 of 2")]


def test_shuffling_keeps_every_weight_and_the_original(digit):
    before = digit.model.fingerprint
    shares, models = zip(*randomized(digit.model, 3, seed=0), strict=True)
    assert list(shares) == sorted(shares)
    assert shares[-1] == 1
    weights = dict(digit.model.network.named_parameters())
    for name, changed in models[-1].network.named_parameters():
        assert torch.equal(changed.flatten().sort().values, weights[name].flatten().sort().values)
    assert digit.model.fingerprint == before


@pytest.fixture(scope="module")
def on_black():
    """A linear model of a digit whose background is black."""
    data = load_data("mnist-5k")
    pixels = torch.from_numpy(data.images[data.rows("test")[0]] / np.float32(255))
    weight = torch.randn(10, 3, 28, 28, generator=torch.Generator().manual_seed(0))
    model = Classifier(Linear(weight), "linear", "linear", 28, (0.13,) * 3, (0.31,) * 3)
    return ImageCase(model, pixels.expand(3, -1, -1).contiguous(), 1)


@pytest.mark.parametrize("baseline", ["black", "mean"])
@pytest.mark.parametrize("channels", ["signed", "size"])
@pytest.mark.parametrize("kind", [GradientXInput, IntegratedGradients, DeepLift])
def test_exact_maps_of_a_linear_model_need_what_was_learned(on_black, kind, channels, baseline):
    """Pixels of the baseline's color are zero in every map; sizes share |x − b|."""
    case = TrustCase(on_black, kind(baseline=baseline, channels=channels))
    for trial in (RandomWeights(stages=1), OtherClass()):
        result = trial(case)["check"]
        assert verdict(result) == 1
        assert abs(result["above_chance"][0]) < 0.3


@pytest.mark.parametrize("sign", ["same", "opposite"])
@pytest.mark.parametrize("baseline", ["black", "mean"])
def test_a_map_that_multiplies_the_input_by_nothing_learned_is_caught(on_black, baseline, sign):
    """(x − b) times fixed noise, whose sign alone comes from the weights."""
    noise = np.random.default_rng(0).standard_normal((28, 28))
    fingerprint = on_black.model.fingerprint

    def fixed(case):
        turned = -1 if sign == "opposite" and case.model.fingerprint != fingerprint else 1
        return turned * noise * (case.image - case.baseline(baseline)).mean(0).numpy()

    kind = type(toy(fixed))
    kind.settings = lambda _self: {"baseline": baseline}
    check = check_of(RandomWeights(stages=1), on_black, kind())
    assert verdict(check) == -1
    assert ("opposite map" in check.notes[0]) == (sign == "opposite")


def test_an_image_of_hardly_more_than_the_baseline_is_not_compared(on_black):
    image = torch.zeros(3, 28, 28)
    image[:, 10, 10:15] = 0.5
    case = TrustCase(replace(on_black, image=image), GradientXInput(baseline="black"))
    assert "fewer than 10 pixels differ" in RandomWeights(stages=1)(case)["check"].notes[0]


def test_each_layer_is_shuffled_by_an_order_of_its_own():
    rows = nn.Sequential(*(nn.Conv2d(3, 3, 1, bias=False) for _ in range(4)))
    for layer in rows:
        layer.weight.data = torch.arange(9.0).reshape(3, 3, 1, 1)
    ((_, changed),) = randomized(Classifier(rows, "rows", "rows", side=8), 1, seed=0)
    orders = {tuple(parameter.flatten().tolist()) for parameter in changed.network.parameters()}
    assert len(orders) == 4
