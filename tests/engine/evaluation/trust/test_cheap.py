"""Trials of place, shape, class, repeating and nudging, and maps that no trial can judge."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.core.errors import DoesNotFit
from engine.evaluation import trust
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.gradient import Gradient
from engine.evaluation.trust import TRUST, OtherClass, Place, Repeats, TrustCase
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.models.classifier import Classifier
from tests.engine.attribution.toys import toy
from tests.engine.evaluation.trust.asking import Linear, check_of, verdict


def test_a_map_on_the_mask_is_found_there(linear):
    mask = np.zeros((12, 12), bool)
    mask[2:5, 2:5] = True
    on = toy(lambda _case: mask + np.random.default_rng(0).random((12, 12)) * 0.1)
    off = toy(lambda _case: ~mask + np.random.default_rng(0).random((12, 12)) * 0.1)
    assert verdict(check_of(Place(), linear, on, mask)) == 1
    assert verdict(check_of(Place(), linear, off, mask)) == -1


@pytest.mark.parametrize("rows", [7, 8, 10])
def test_a_mask_of_nearly_the_whole_image_tells_nothing_of_a_map(linear, rows):
    mask = np.zeros((10, 10), bool)
    mask[:rows] = True
    check = check_of(Place(), linear, toy(lambda _case: np.arange(100.0).reshape(10, 10)), mask)
    assert np.isnan(verdict(check)) == (rows >= 8)
    note = f"covers nearly the whole image ({10 * rows} %)"
    assert (note in check.notes[0]) == (rows >= 8)


def test_shape_has_no_verdict(linear):
    spot = np.zeros((12, 12))
    spot[3, 3] = 1
    check = check_of(trust.Shape(), linear, toy(lambda _case: spot))
    assert verdict(check) == 0
    assert check["entropy"][0] == pytest.approx(0, abs=1e-9)
    assert check["gini"][0] == pytest.approx(1 - 1 / 144)
    assert check.notes == ("It is spread as evenly as over 1 % of the pixels.",)
    half = check_of(trust.Shape(), linear, toy(lambda _case: np.eye(12) + np.eye(12)[::-1]))
    assert half.notes == ("It is spread as evenly as over 17 % of the pixels.",)  # 24 of 144
    assert half["entropy"][0] == pytest.approx(np.log(24), abs=1e-6)


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
    check = check_of(OtherClass(), case, Gradient())
    assert check["order"][0] == pytest.approx(1, abs=1e-3)
    assert check["cosine"][0] == pytest.approx(-1, abs=1e-3)
    assert verdict(check) == 1
    assert check.notes == ("Asked about “none” it is the opposite map.",)
    unsigned = check_of(OtherClass(), case, Gradient(channels="size"))
    assert verdict(unsigned) == -1
    assert "it looks the same" in unsigned.notes[0]


def test_a_map_of_the_same_sizes_with_other_signs_is_neither_way(linear):
    """Half of the signs turned round: no cosine, and still one order of sizes."""
    half = np.where(np.arange(144).reshape(12, 12) % 2, 1.0, -1.0)
    turned = toy(lambda case: case.image[0].numpy() * (half if case.target.index == 1 else 1.0))
    check = check_of(OtherClass(), linear, turned)
    assert abs(check["cosine"][0]) < 0.3
    assert check["order"][0] == pytest.approx(1)
    assert verdict(check) == 0
    assert "not its signs" in check.notes[0]


@pytest.mark.parametrize("check", TRUST, ids=lambda check: check.name)
@pytest.mark.parametrize("color", [(0.0, 0.0, 0.0), (0.7, 0.2, 0.4)])
def test_a_map_of_an_image_of_one_color_is_not_put_on_trial(linear, check, color):
    even = torch.tensor(color)[:, None, None].expand(3, 12, 12)
    stripes = torch.linspace(0, 1, 12).expand(3, 12, 12)
    for image, is_even in ((even, True), (stripes, False), (stripes.mT, False)):
        case = TrustCase(replace(linear, image=image), Gradient(), np.eye(12, dtype=bool))
        assert ("the same everywhere" in check.unmet(case)) == is_even


FLAT = {
    "nothing": np.zeros((12, 12)),
    "one region": np.full((12, 12), 0.7),
    "unknown somewhere": np.where(np.eye(12), np.nan, np.arange(12.0)),
}


@pytest.mark.parametrize("values", FLAT.values(), ids=FLAT)
@pytest.mark.parametrize("check", TRUST, ids=lambda check: check.name)
def test_a_flat_or_unknown_map_has_no_verdict(linear, check, values):
    result = check_of(check(), linear, toy(lambda _case: values), np.ones((12, 12), bool))
    assert np.isnan(verdict(result))
    assert result.notes[0].startswith("Not available")


def test_a_map_that_the_model_cannot_have_is_not_put_on_trial(linear):
    """Grad-CAM needs a layer with a map; the trial says so as Grad-CAM itself does."""
    for check in TRUST:
        with pytest.raises(DoesNotFit, match="Grad-CAM: it needs a layer that can be read as a"):
            check_of(check(), linear, GradCam(), np.ones((12, 12), bool))


def test_an_empty_mask_and_a_model_with_one_class_are_not_available(linear):
    for mask in (np.zeros((12, 12), bool), np.ones((5, 5), bool)):
        assert np.isnan(verdict(check_of(Place(), linear, Gradient(), mask)))
    alone = Classifier(Linear(torch.arange(432.0).reshape(1, 3, 12, 12)), "one", "one", side=12)
    case = ImageCase(alone, linear.image, 0)
    assert "one class only" in check_of(OtherClass(), case, Gradient()).notes[0]


def test_a_map_of_chance_is_not_repeatable(linear):
    chance = toy(lambda case: np.random.default_rng(case.seed).random((12, 12)))
    assert verdict(check_of(Repeats(), linear, chance)) == -1
    check = check_of(Repeats(), linear, Gradient())
    assert verdict(check) == 1
    assert "no random numbers" in check.notes[0]


def test_a_map_that_jumps_is_caught(linear):
    def jumping(case):
        seed = int(case.image.double().sum().item() * 1e9) % 2**32
        return np.random.default_rng(seed).standard_normal((12, 12))

    assert verdict(check_of(trust.MaxSensitivity(draws=3), linear, toy(jumping))) == -1
    assert verdict(check_of(trust.MaxSensitivity(draws=3), linear, Gradient())) == 1


def test_a_map_that_is_lost_when_nudged_is_not_said_to_hold_still(linear):
    def breaking(case):
        whole = torch.equal(case.image, linear.image)
        return np.where(np.eye(12) > 0, 1.0 if whole else np.nan, case.image[0].numpy())

    check = check_of(trust.MaxSensitivity(draws=3), linear, toy(breaking))
    assert np.isnan(verdict(check))
    assert "Not available: after a change" in check.notes[0]


def test_the_repeats_have_the_next_seeds_and_are_counted_though_a_map_is_silent(linear):
    seeds, shares = [], []

    def seen(case):
        seeds.append(case.seed)
        return np.random.default_rng(case.seed).random((12, 12))

    case = TrustCase(replace(linear, seed=7), toy(seen))
    Repeats(repeats=3)(case, lambda done, words="", partial=None: shares.append(done))
    assert seeds == [7, 8, 9, 10]
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])
