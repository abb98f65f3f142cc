"""The trial of order: a map of what carries the score beats its own copies, others do not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import zoom
from torch import nn

from engine.attribution.heatmaps.gradient_x_input import GradientXInput
from engine.attribution.heatmaps.integrated_gradients import IntegratedGradients
from engine.attribution.heatmaps.occlusion import Occlusion
from engine.evaluation.maps.gradient import Gradient
from engine.evaluation.measures.showing import MapCurves, ranks
from engine.evaluation.trust import Order, TrustCase
from engine.evaluation.trust.copies import copies, moved_copies
from engine.evaluation.trust.order import at_stake, moves
from engine.evaluation.trust.random_weights import randomized
from engine.vision.case import ImageCase, image_case
from engine.vision.case.target import Target
from engine.vision.data import load as load_data
from engine.vision.data.example import Example
from engine.vision.images import Crop
from engine.vision.models.catalog import load
from engine.vision.models.classifier import Classifier
from tests.engine.attribution.toys import toy
from tests.engine.evaluation.trust.asking import Linear, check_of, verdict


def test_a_map_of_the_weights_beats_its_copies(linear):
    check = check_of(Order(), linear, GradientXInput())
    assert verdict(check) == 1
    assert check["insertion"][0] > check["insertion_copies"][0]
    assert check["copies_as_good"][0] == 0
    assert "clearly more than in all 19 copies of the map" in check.notes[0]
    against = toy(lambda case: -GradientXInput()(case)["map"].values)
    assert verdict(check_of(Order(), linear, against)) == -1


def test_the_band_is_what_copies_of_the_map_give(linear):
    """The score of a linear model adds up, so a band can be added up by hand."""
    method = GradientXInput()
    trial = Order(steps=6, copies=9)
    assert trial.looks == 120  # a map and 9 copies, shown and hidden in 6 steps
    result = trial(TrustCase(linear, method))
    weight = linear.model.network.head.weight[1].detach().reshape(3, 12, 12)
    worth = (weight * (linear.image - linear.baseline("mean"))).sum(0).numpy()
    nothing, steps = float(linear.score(linear.baseline("mean")[None])), np.linspace(0, 144, 7)
    places = [ranks(map_copy) for map_copy in copies(method(linear)["map"].values, 9)]
    curves = nothing + np.array([[worth[place < at].sum() for at in steps] for place in places])
    assert result["insertion low"].y == pytest.approx(curves.min(0), abs=1e-5)
    assert result["insertion high"].y == pytest.approx(curves.max(0), abs=1e-5)
    areas = np.trapezoid(curves, dx=1 / 6, axis=1)
    assert result["check"]["insertion_copies"][0] == pytest.approx(np.median(areas), abs=1e-5)
    hidden = curves[:, :1] + curves[:, -1:] - curves
    assert result["deletion low"].y == pytest.approx(hidden.min(0), abs=1e-5)


@pytest.mark.parametrize(("shape", "turned"), [((12, 12), 7), ((10, 14), 3)])
def test_copies_have_the_map_s_values_in_other_places(shape, turned):
    values = np.random.default_rng(0).random(shape).astype(np.float32)
    shuffled = copies(values, 19)
    assert len({map_copy.tobytes() for map_copy in [values, *shuffled]}) == 20
    for map_copy in shuffled:
        assert np.array_equal(np.sort(map_copy, None), np.sort(values, None))
    middle = np.zeros(shape, np.float32)
    middle[1:-1, 1:-1] = 1
    for count in (turned - 1, turned, 19):
        stays = [np.array_equal(map_copy, middle) for map_copy in copies(middle, count)]
        assert (len(stays), stays[:turned]) == (count, [True] * min(count, turned))
        assert not any(stays[turned:])


def test_a_moved_copy_lies_in_another_row_and_column_and_anywhere_else():
    """The middle pixel stays where it is when a map is turned or mirrored, so moves alone tell."""
    values = np.zeros((5, 7), np.float32)
    values[2, 3] = 1
    places = [np.argwhere(map_copy)[0].tolist() for map_copy in moved_copies(values, 200)]
    assert {row for row, _ in places} == {0, 1, 3, 4}
    assert {column for _, column in places} == {0, 1, 2, 4, 5, 6}


def test_a_model_with_random_weights_is_caught(digit):
    """Over 12 digits and two shuffles: maps of the trained model pass, the others' do not.

    A shuffled model has pixels that carry its score, but next to no score that they could carry.
    """
    shuffles = [[*randomized(digit.model, 1, seed)][-1][1] for seed in range(2)]
    for method in (GradientXInput(), IntegratedGradients(steps=10), Occlusion(side=2)):
        assert verdicts(digit.model, method).count(1) >= 8  # 12, 12 and 10
        for broken in shuffles:
            result = verdicts(broken, method)
            assert len([outcome for outcome in result if outcome < 0]) >= 11
            assert result.count(1) <= 1


def verdicts(model, method):
    return [verdict(check_of(Order(), case, method)) for case in asked_of(model, 12)]


CHANCE = {
    "pixel noise": lambda rng: rng.random((8, 8)),
    "smooth noise": lambda rng: zoom(rng.standard_normal((4, 4)), 2, order=3),
}


@pytest.mark.parametrize("kind", CHANCE)
def test_few_maps_of_chance_pass_for_maps_of_what_carries_the_score(digit, kind):
    """One map in twenty is better than all 19 copies; the margin takes some more."""
    results = []
    for seed, case in enumerate(asked_of(digit.model, 60)):
        values = CHANCE[kind](np.random.default_rng(seed))
        results.append(verdict(check_of(Order(), case, toy(lambda _case, values=values: values))))
    assert results.count(1) <= 0.05 * len(results)


def test_a_smooth_map_of_chance_does_not_get_its_negative_s_verdict(digit):
    """Against single random pixels both do well, or both badly, as all smooth maps do there."""
    shares = []
    for seed, case in enumerate(asked_of(digit.model, 20)):
        values = CHANCE["smooth noise"](np.random.default_rng(seed))
        pair = [check_of(Order(), case, toy(lambda _c, v=v: v)) for v in (values, -values)]
        assert {verdict(check) for check in pair} != {1}
        shares.append([check["copies_as_good"][0] for check in pair])
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
    check = check_of(Order(), replace(linear, model=still), toy(lambda case: case.image[0].numpy()))
    assert verdict(check) == -0.5
    assert "stays the same whatever is hidden" in check.notes[0]
    faint = Classifier(Linear(torch.randn(3, 3, 12, 12) * 1e-3), "faint", "faint", side=12)
    check = check_of(Order(), replace(linear, model=faint), GradientXInput())
    assert verdict(check) == -0.5
    assert "Little hangs on the image" in check.notes[0]


MUCH = ((0.98, 0.64), (0.64, 0.98), (0.3, 0.01), (0.2247, 0.001), (0.05, 0.0), (0.5, 0.2))
LITTLE = ((0.43, 0.16), (0.33, 0.066), (0.04, 0.0001), (0.052, 0.004), (0.0, 0.0))


def test_much_hangs_on_an_image_by_difference_or_by_times():
    """A class of a thousand at 22 % counts, one of a shuffled model of digits at 33 % does not."""
    assert all(at_stake(*pair) is True for pair in (*MUCH, (0.25, 0.025)))
    assert not any(at_stake(*pair) for pair in LITTLE)


def test_an_all_black_image_hidden_with_black_is_not_judged(linear):
    black = replace(linear, image=torch.zeros(3, 12, 12))
    assert verdict(check_of(Order(cover="black"), black, Gradient())) == -0.5
    assert np.isnan(verdict(check_of(Order(), black, GradientXInput())))


@pytest.mark.parametrize("reading", ["logit", "probability"])
def test_a_class_of_probability_zero_is_not_confirmed_by_its_pixels(linear, reading):
    network = Linear(linear.model.network.head.weight.detach().reshape(3, 3, 12, 12))
    network.head.bias = nn.Parameter(torch.tensor([1e4, 0.0, 0.0]))
    model = Classifier(network, "sure", "sure", side=12)
    case = ImageCase(model, linear.image, Target(1, reading=reading))
    assert float(model.logits(case.image[None]).softmax(1)[0, 1]) == 0
    check = check_of(Order(), case, toy(lambda case: case.image[0].numpy()))
    assert verdict(check) == -0.5
    why = {"logit": "0 % likely here, 0 % in an empty", "probability": "the score stays the same"}
    assert why[reading] in check.notes[0]


@pytest.mark.parametrize(
    ("size", "still", "moving"),
    [(1.0, 5e-7, 2e-6), (1000.0, 2e-4, 2e-3), (-1000.0, 2e-4, 2e-3), (0.001, 5e-7, 2e-6)],
)
def test_curves_move_where_they_leave_their_start_by_more_than_rounding(size, still, moving):
    """Rounding is a millionth of the largest score, and never less than a millionth."""
    area = np.array([0, 1], np.float32)
    for spread in (0.0, still, moving):
        curve = np.array([size - spread, size])
        assert moves([MapCurves(area, curve, curve, 0, 0, 0, 0)]) == (spread == moving)


GAPS = [(1.75, 0, 1), (1.73, 0.5, -0.5), (1.25, 0.5, -0.5), (1.23, 1, -0.5), (0.77, 1, -0.5)]


@pytest.mark.parametrize(("gap", "as_good", "expected"), [*GAPS, (0.75, 1, -1)])
def test_better_and_worse_is_by_six_hundredths_of_how_far_copies_move_the_score(
    gap, as_good, expected
):
    """The score moves by 4, so that a copy of gap 1 or 1.5 has to be left behind by 0.24."""
    area, zero_to_four = np.array([0, 1], np.float32), np.array([0.0, 4.0])
    others = [
        MapCurves(area, zero_to_four, zero_to_four, *areas, areas[0] - areas[1], 0)
        for areas in ((1.0, 0.0), (2.5, 1.0))
    ]
    check = Order().judged(replace(others[0], gap=gap), others, (1.0, 0.0))
    assert verdict(check) == expected
    assert check["copies_as_good"][0] == as_good
    assert (check["insertion_copies"][0], check["deletion_copies"][0]) == (1.75, 0.5)
