"""Shuffled models and maps of chance are caught: what the panel says in short of their maps."""

import numpy as np
import pytest

from components.trust.verdict import summary
from engine.attribution import Gradient, GradientXInput, IntegratedGradients, SmoothGrad
from engine.evaluation.trust import Order, OtherClass, Repeats, TrustCase
from engine.evaluation.trust.random_weights import randomized
from engine.vision.models import embedded
from tests.engine.attribution.toys import toy
from tests.engine.evaluation.trust.test_order import asked_of

DIGITS, SHUFFLES = 8, 2
METHODS = (Gradient(), GradientXInput(), IntegratedGradients(steps=10), SmoothGrad(samples=5))
GOOD = (GradientXInput(), IntegratedGradients(steps=10))


def trial_lines(model, method):
    """The line of a map for each digit, its trials made as on the page, and repeated."""
    trials = (Order(), OtherClass(), Repeats())
    for image_case in asked_of(model, DIGITS):
        case = TrustCase(image_case, method)
        yield summary([(trial, trial(case)["check"]) for trial in trials])


def warned(line):
    return line.startswith(("**⚠ Not confirmed.", "**✗ Against it:"))


@pytest.fixture(scope="module")
def trained():
    return embedded.load("digits-cnn")


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_model_with_random_weights_is_caught_for_gradient_methods(trained, method):
    """By order alone most lines would say that nothing is against a map."""
    shuffles = [[*randomized(trained, 1, seed)][-1][1] for seed in range(SHUFFLES)]
    lines = [line for model in shuffles for line in trial_lines(model, method)]
    assert sum(warned(line) for line in lines) >= 0.95 * DIGITS * SHUFFLES
    assert sum("Nothing against it" in line for line in lines) <= 0.05 * DIGITS * SHUFFLES
    assert sum("Little hangs on the image" in line for line in lines) >= 0.9 * DIGITS * SHUFFLES


def test_maps_of_chance_get_no_check_mark(trained):
    """Noise that is drawn anew for each class passes the other class, and comes out alike again."""
    random_method = toy(lambda case: np.random.default_rng(case.target.index).random((8, 8)))
    lines = [*trial_lines(trained, random_method)]
    assert sum("✓" in line for line in lines) <= 1
    assert sum(warned(line) and "another class gives another map" in line for line in lines) >= 5


@pytest.mark.parametrize("method", GOOD, ids=lambda method: method.name)
def test_good_maps_of_the_trained_model_are_not_warned_of(trained, method):
    lines = [*trial_lines(trained, method)]
    assert sum(warned(line) for line in lines) <= 1
    assert sum("its strong pixels carry the score" in line for line in lines) >= 6
