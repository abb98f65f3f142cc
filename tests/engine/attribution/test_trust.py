"""The trial of maps: what a good map passes, and each kind of bad one is caught by."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import zoom
from torch import nn

from engine.attribution.deep_lift import DeepLift
from engine.attribution.grad_cam import GradCam
from engine.attribution.gradient import Gradient
from engine.attribution.gradient_x_input import GradientXInput
from engine.attribution.integrated_gradients import IntegratedGradients
from engine.attribution.occlusion import Occlusion
from engine.attribution.trust import (
    TRUST,
    Nudged,
    Order,
    OtherClass,
    Place,
    RandomWeights,
    Repeats,
    Shape,
    TrustCase,
)
from engine.attribution.trust.copies import copies
from engine.attribution.trust.order import at_stake
from engine.attribution.trust.random_weights import randomized
from engine.case import ImageCase, image_case
from engine.data import load as load_data
from engine.data.example import Example
from engine.errors import Cancelled, DoesNotFit
from engine.images import Crop
from engine.measures.showing import ranks
from engine.models import embedded
from engine.models.catalog import load
from engine.models.classifier import Classifier
from engine.target import Target
from tests.engine.attribution.toys import slow, toy


class Linear(nn.Module):
    """Three classes that score weights times pixels."""

    def __init__(self, weight):
        super().__init__()
        self.head = nn.Linear(weight[0].numel(), len(weight), bias=False)
        self.head.weight.data = weight.flatten(1)

    def forward(self, images):
        return self.head(images.flatten(1))


@pytest.fixture(scope="module")
def linear():
    weight = torch.randn(3, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    image = torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(1))
    return ImageCase(Classifier(Linear(weight), "toy", "toy", side=12), image, target=1)


@pytest.fixture(scope="module")
def digit():
    data = load_data("digits")
    row = data.rows("test")[3]
    image = torch.from_numpy(data.images[row] / np.float32(255)).expand(3, -1, -1).contiguous()
    return ImageCase(embedded.load("digits-cnn"), image, target=int(data.labels[row]))


def check_of(check, case, method, mask=None):
    return check(TrustCase(case, method, mask))["check"]


def verdict(found):
    return found["verdict"][0]


def test_a_map_of_the_weights_beats_its_copies(linear):
    found = check_of(Order(), linear, GradientXInput())
    assert verdict(found) == 1
    assert found["insertion"][0] > found["insertion_copies"][0]
    assert found["copies_as_good"][0] == 0
    assert "clearly more than in all 19 copies of the map" in found.notes[0]


def test_the_band_is_what_copies_of_the_map_give(linear):
    """The score of a linear model adds up, so a band can be added up by hand."""
    method = GradientXInput()
    found = Order(steps=6, copies=9)(TrustCase(linear, method))
    worth = linear.model.network.head.weight[1].detach().reshape(3, 12, 12) * (
        linear.image - linear.baseline("mean")
    )
    nothing = float(linear.score(linear.baseline("mean")[None]))
    shown = np.array([
        [
            nothing + float(worth.sum(0).numpy()[ranks(one) < at].sum())
            for at in np.linspace(0, 144, 7)
        ]
        for one in copies(method(linear)["map"].values, 9)
    ])  # fmt: skip
    assert found["insertion low"].y == pytest.approx(shown.min(0), abs=1e-5)
    assert found["insertion high"].y == pytest.approx(shown.max(0), abs=1e-5)
    areas = np.trapezoid(shown, dx=1 / 6, axis=1)
    assert found["check"]["insertion_copies"][0] == pytest.approx(np.median(areas), abs=1e-5)
    hidden = shown[:, :1] + shown[:, -1:] - shown
    assert found["deletion low"].y == pytest.approx(hidden.min(0), abs=1e-5)


@pytest.mark.parametrize(("shape", "turned"), [((12, 12), 7), ((10, 14), 3)])
def test_copies_have_the_map_s_values_in_other_places(shape, turned):
    values = np.random.default_rng(0).random(shape).astype(np.float32)
    made = copies(values, 19)
    assert len({one.tobytes() for one in [values, *made]}) == 20
    assert all(np.array_equal(np.sort(one, None), np.sort(values, None)) for one in made)
    middle = np.zeros(shape, np.float32)
    middle[1:-1, 1:-1] = 1
    stays = [np.array_equal(one, middle) for one in copies(middle, 19)]
    assert stays[:turned] == [True] * turned
    assert not all(stays[turned:])


def test_a_map_against_the_weights_is_caught(linear):
    against = toy(lambda case: -GradientXInput()(case)["map"].values)
    assert verdict(check_of(Order(), linear, against)) == -1


def test_a_map_on_the_mask_is_found_there(linear):
    mask = np.zeros((12, 12), bool)
    mask[2:5, 2:5] = True
    on = toy(lambda _case: mask + np.random.default_rng(0).random((12, 12)) * 0.1)
    off = toy(lambda _case: ~mask + np.random.default_rng(0).random((12, 12)) * 0.1)
    assert verdict(check_of(Place(), linear, on, mask)) == 1
    assert verdict(check_of(Place(), linear, off, mask)) == -1


@pytest.mark.parametrize("rows", [9, 10, 12])
def test_a_mask_of_nearly_the_whole_image_tells_nothing_of_a_map(linear, rows):
    mask = np.zeros((12, 12), bool)
    mask[:rows] = True
    found = check_of(Place(), linear, toy(lambda _case: np.arange(144.0).reshape(12, 12)), mask)
    assert np.isnan(verdict(found)) == (rows >= 10)
    told = f"covers nearly the whole image ({100 * rows / 12:.0f} %)"
    assert (told in found.notes[0]) == (rows >= 10)


def test_shape_has_no_verdict(linear):
    spot = np.zeros((12, 12))
    spot[3, 3] = 1
    found = check_of(Shape(), linear, toy(lambda _case: spot))
    assert verdict(found) == 0
    assert found["entropy"][0] == pytest.approx(0, abs=1e-9)
    assert found["gini"][0] == pytest.approx(1 - 1 / 144)


def test_a_map_that_knows_no_class_is_caught(linear):
    edges = toy(lambda case: case.image.mean(0).numpy())
    assert verdict(check_of(OtherClass(), linear, edges)) == -1
    assert verdict(check_of(OtherClass(), linear, Gradient())) == 1


@pytest.mark.parametrize("reading", ["probability", "margin"])
def test_of_two_classes_each_has_the_opposite_map_of_the_other(linear, reading):
    """p and 1 − p: the maps are as large everywhere, and say the opposite."""
    weight = linear.model.network.head.weight.detach()[:2].reshape(2, 3, 12, 12) / 100
    model = Classifier(Linear(weight), "two", "two", side=12, labels=("lesion", "none"))
    case = ImageCase(model, linear.image, Target(0, reading=reading))
    found = check_of(OtherClass(), case, Gradient())
    assert found["order"][0] == pytest.approx(1, abs=1e-3)
    assert found["cosine"][0] == pytest.approx(-1, abs=1e-3)
    assert verdict(found) == 1
    assert found.notes == ("Asked about “none” it is the opposite map.",)
    unsigned = check_of(OtherClass(), case, Gradient(channels="size"))
    assert verdict(unsigned) == -1
    assert "it looks the same" in unsigned.notes[0]


def test_a_map_of_the_same_sizes_with_other_signs_is_neither_way(linear):
    """Half of the signs turned round: no cosine, and still one order of sizes."""
    half = np.where(np.arange(144).reshape(12, 12) % 2, 1.0, -1.0)
    turned = toy(
        lambda case: case.image[0].numpy() * (half if case.target.index == 1 else np.ones((12, 12)))
    )
    found = check_of(OtherClass(), linear, turned)
    assert abs(found["cosine"][0]) < 0.3
    assert found["order"][0] == pytest.approx(1)
    assert verdict(found) == 0
    assert "not its signs" in found.notes[0]


def test_a_map_that_needs_no_weights_is_caught(digit):
    edges = toy(lambda case: np.hypot(*np.gradient(case.image.mean(0).numpy())))
    found = check_of(RandomWeights(), digit, edges)
    assert verdict(found) == -1
    assert found["order"][0] == pytest.approx(1)
    assert "do not trust" in found.notes[0]


def test_the_gradient_is_gone_with_random_weights(digit):
    """Grad-CAM is not, on this tiny network: its 4 × 4 places follow the ink (0.64 by order)."""
    found = RandomWeights()(TrustCase(digit, Gradient()))
    assert found["check"]["order"][0] < 0.5
    assert found["order"].y[0] == 1
    assert found["order"].x[-1] == 1


def test_a_model_with_random_weights_is_caught(digit):
    """Over 12 digits and two shuffles: maps of the trained model pass, the others' do not.

    A shuffled model has pixels that carry its score, but next to no score that they could carry.
    """
    shuffles = [[*randomized(digit.model, 1, seed)][-1][1] for seed in range(2)]
    for method in (GradientXInput(), IntegratedGradients(steps=10), Occlusion(side=2)):
        assert verdicts(digit.model, method).count(1) >= 8  # 12, 12 and 10
        for broken in shuffles:
            found = verdicts(broken, method)
            assert len([one for one in found if one < 0]) >= 11
            assert found.count(1) <= 1


def verdicts(model, method):
    """Of the order trial on 12 digits."""
    return [verdict(check_of(Order(), case, method)) for case in asked_of(model, 12)]


CHANCE = {
    "pixel noise": lambda rng: rng.random((8, 8)),
    "smooth noise": lambda rng: zoom(rng.standard_normal((4, 4)), 2, order=3),
}


@pytest.mark.parametrize("kind", CHANCE)
def test_few_maps_of_chance_pass_for_maps_of_what_carries_the_score(digit, kind):
    """One map in twenty is better than all 19 copies; the margin takes some more."""
    found = []
    for seed, case in enumerate(asked_of(digit.model, 60)):
        values = CHANCE[kind](np.random.default_rng(seed))
        found.append(verdict(check_of(Order(), case, toy(lambda _case, held=values: held))))
    assert found.count(1) <= 0.05 * len(found)


def test_a_smooth_map_of_chance_does_not_get_its_negative_s_verdict(digit):
    """Against single random pixels both do well, or both badly, as all smooth maps do there."""
    shares = []
    for seed, case in enumerate(asked_of(digit.model, 20)):
        values = CHANCE["smooth noise"](np.random.default_rng(seed))
        pair = [check_of(Order(), case, toy(lambda _c, v=v: v)) for v in (values, -values)]
        assert {verdict(one) for one in pair} != {1}
        shares.append([one["copies_as_good"][0] for one in pair])
    assert np.corrcoef(np.transpose(shares))[0, 1] < -0.7


def test_a_blob_in_the_middle_is_not_confirmed_though_digits_lie_there():
    """It shows the digit first, and so does every copy that is turned or mirrored."""
    model, data = load("mnist-cnn"), load_data("mnist-5k")
    across = np.square(np.arange(28) - 13.5)
    blob = toy(lambda _case: np.exp(-(across + across[:, None]) / 98))
    for row in data.rows("test")[:240:30]:
        image = image_case(model, Example(data, int(row)).picture(), Crop(), Target(0)).image
        case = ImageCase(model, image, int(model.logits(image[None])[0].argmax()))
        assert verdict(check_of(Order(), case, blob)) < 1


def asked_of(model, most):
    """Test digits, each about the class that the model sees in it."""
    data = load_data("digits")
    for row in data.rows("test")[:most]:
        pixels = torch.from_numpy(data.images[row] / np.float32(255))
        image = pixels.expand(3, -1, -1).contiguous()
        yield ImageCase(model, image, target=int(model.logits(image[None])[0].argmax()))


def test_no_order_is_confirmed_where_the_class_is_as_likely_when_empty(linear):
    still = Classifier(Linear(torch.zeros(3, 3, 12, 12)), "still", "still", side=12)
    found = check_of(Order(), replace(linear, model=still), toy(lambda case: case.image[0].numpy()))
    assert verdict(found) == -0.5
    assert "stays the same whatever is hidden" in found.notes[0]
    faint = Classifier(Linear(torch.randn(3, 3, 12, 12) * 1e-3), "faint", "faint", side=12)
    found = check_of(Order(), replace(linear, model=faint), GradientXInput())
    assert verdict(found) == -0.5
    assert "Little hangs on the image" in found.notes[0]


@pytest.mark.parametrize(
    ("shown", "empty", "much"),
    [
        (0.98, 0.64, True), (0.64, 0.98, True), (0.43, 0.16, False), (0.3, 0.01, True),
        (0.2247, 0.001, True), (0.33, 0.066, False), (0.04, 0.0001, False), (0.0, 0.0, False),
    ],
)  # fmt: skip
def test_much_hangs_on_an_image_by_difference_or_by_times(shown, empty, much):
    """A class of a thousand at 22 % counts, one of a shuffled model of digits at 33 % does not."""
    assert at_stake(shown, empty) is much


def test_an_all_black_image_hidden_with_black_is_not_judged(linear):
    black = replace(linear, image=torch.zeros(3, 12, 12))
    found = check_of(Order(cover="black"), black, Gradient())
    assert verdict(found) == -0.5
    assert np.isnan(verdict(check_of(Order(), black, GradientXInput())))


@pytest.mark.parametrize("check", TRUST, ids=lambda check: check.name)
@pytest.mark.parametrize("level", [0.0, 0.7])
def test_a_map_of_an_image_of_one_color_is_not_put_on_trial(linear, check, level):
    even = replace(linear, image=torch.full((3, 12, 12), level))
    why = check.unmet(TrustCase(even, Gradient(), np.eye(12, dtype=bool)))
    assert "the same everywhere" in why
    assert "the same everywhere" not in check.unmet(TrustCase(linear, Gradient()))


def test_a_model_without_weights_to_shuffle_is_said_to_have_none():
    class Bare(nn.Module):
        def forward(self, images):
            return images.flatten(2).mean(2)

    case = ImageCase(Classifier(Bare(), "bare", "bare", side=8), torch.rand(3, 8, 8), 0)
    found = check_of(RandomWeights(), case, toy(lambda case: case.image[0].numpy()))
    assert "no convolution or linear layer" in found.notes[0]


def test_a_map_that_is_flat_with_random_weights_is_not_compared(digit):
    own = digit.model.fingerprint

    def dies(case):
        return case.image[0].numpy() * (case.model.fingerprint == own)

    found = check_of(RandomWeights(), digit, toy(dies))
    assert np.isnan(verdict(found))
    assert "cannot be compared" in found.notes[0]


def test_a_trial_can_be_cancelled_inside_a_map(digit):
    """Otherwise Stop would wait for a dear map to be finished."""

    def long(case, progress):
        progress(0.5, "half a map")
        return case.image[0].numpy()

    told = []

    def stop(done, words="", partial=None):
        told.append((done, words))
        raise Cancelled("enough")

    case = TrustCase(digit, slow(long))
    assert case.heat.values.shape == (8, 8)
    with pytest.raises(Cancelled):
        RandomWeights(stages=2)(case, stop)
    assert told == [(0.25, "shuffling weights: map 1 of 2")]


def test_shuffling_keeps_every_weight_and_the_original(digit):
    before = digit.model.fingerprint
    steps = list(randomized(digit.model, 3, seed=0))
    assert [share for share, _ in steps] == sorted(share for share, _ in steps)
    assert steps[-1][0] == 1
    weights = dict(digit.model.network.named_parameters())
    for name, changed in steps[-1][1].network.named_parameters():
        assert torch.equal(changed.flatten().sort().values, weights[name].flatten().sort().values)
    assert digit.model.fingerprint == before


def test_a_map_of_chance_is_not_repeatable(linear):
    chance = toy(lambda case: np.random.default_rng(case.seed).random((12, 12)))
    assert verdict(check_of(Repeats(), linear, chance)) == -1
    found = check_of(Repeats(), linear, Gradient())
    assert verdict(found) == 1
    assert "no random numbers" in found.notes[0]


def test_a_map_that_jumps_is_caught(linear):
    def jumping(case):
        seed = int(case.image.double().sum().item() * 1e9) % 2**32
        return np.random.default_rng(seed).standard_normal((12, 12))

    assert verdict(check_of(Nudged(draws=3), linear, toy(jumping))) == -1
    assert verdict(check_of(Nudged(draws=3), linear, Gradient())) == 1  # of a linear model


def test_a_map_that_is_lost_when_nudged_is_not_said_to_hold_still(linear):
    def breaking(case):
        whole = torch.equal(case.image, linear.image)
        return np.where(np.eye(12) > 0, 1.0 if whole else np.nan, case.image[0].numpy())

    found = check_of(Nudged(draws=3), linear, toy(breaking))
    assert np.isnan(verdict(found))
    assert "Not available: after a change" in found.notes[0]


FLAT = {
    "nothing": np.zeros((12, 12)),
    "one region": np.full((12, 12), 0.7),
    "unknown somewhere": np.where(np.eye(12), np.nan, np.arange(12.0)),
}


@pytest.mark.parametrize("values", FLAT.values(), ids=FLAT)
@pytest.mark.parametrize("check", TRUST, ids=lambda check: check.name)
def test_a_flat_or_unknown_map_has_no_verdict(linear, check, values):
    found = check_of(check(), linear, toy(lambda _case: values), np.ones((12, 12), bool))
    assert np.isnan(verdict(found))
    assert found.notes[0].startswith("Not available")


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
        found = trial(case)["check"]
        assert verdict(found) == 1
        assert abs(found["above_chance"][0]) < 0.3


@pytest.mark.parametrize("sign", ["same", "opposite"])
@pytest.mark.parametrize("baseline", ["black", "mean"])
def test_a_map_that_multiplies_the_input_by_nothing_learned_is_caught(on_black, baseline, sign):
    """(x − b) times fixed noise, whose sign alone comes from the weights."""
    noise = np.random.default_rng(0).standard_normal((28, 28))
    own = on_black.model.fingerprint

    def fixed(case):
        turned = -1 if sign == "opposite" and case.model.fingerprint != own else 1
        return turned * noise * (case.image - case.baseline(baseline)).mean(0).numpy()

    kind = type(toy(fixed))
    kind.settings = lambda _self: {"baseline": baseline}
    found = check_of(RandomWeights(stages=1), on_black, kind())
    assert verdict(found) == -1
    assert ("opposite map" in found.notes[0]) == (sign == "opposite")


def test_an_image_of_hardly_more_than_the_baseline_is_not_compared(on_black):
    image = torch.zeros(3, 28, 28)
    image[:, 10, 10:15] = 0.5
    case = TrustCase(replace(on_black, image=image), GradientXInput(baseline="black"))
    assert "fewer than 10 pixels differ" in RandomWeights(stages=1)(case)["check"].notes[0]


@pytest.mark.parametrize("reading", ["logit", "probability"])
def test_a_class_of_probability_zero_is_not_confirmed_by_its_pixels(linear, reading):
    network = Linear(linear.model.network.head.weight.detach().reshape(3, 3, 12, 12))
    network.head.bias = nn.Parameter(torch.tensor([1e4, 0.0, 0.0]))
    model = Classifier(network, "sure", "sure", side=12)
    case = ImageCase(model, linear.image, Target(1, reading=reading))
    assert float(model.logits(case.image[None]).softmax(1)[0, 1]) == 0
    found = check_of(Order(), case, toy(lambda case: case.image[0].numpy()))
    assert verdict(found) == -0.5
    why = {"logit": "0 % likely here, 0 % in an empty", "probability": "the score stays the same"}
    assert why[reading] in found.notes[0]


def test_a_map_that_the_model_cannot_have_is_not_put_on_trial(linear):
    """Grad-CAM needs a layer with a map; the trial says so as Grad-CAM itself does."""
    for check in TRUST:
        with pytest.raises(
            DoesNotFit, match="Grad-CAM: it needs a layer that can be read as a map"
        ):
            check_of(check(), linear, GradCam(), np.ones((12, 12), bool))


def test_an_empty_or_odd_mask_is_not_available(linear):
    for mask in (np.zeros((12, 12), bool), np.ones((5, 5), bool)):
        found = check_of(Place(), linear, Gradient(), mask)
        assert np.isnan(verdict(found))


def test_a_model_with_one_class_cannot_be_asked_about_another():
    case = ImageCase(
        Classifier(Linear(torch.randn(1, 3, 8, 8)), "one", "one", side=8), torch.rand(3, 8, 8), 0
    )
    assert "one class only" in check_of(OtherClass(), case, Gradient()).notes[0]
