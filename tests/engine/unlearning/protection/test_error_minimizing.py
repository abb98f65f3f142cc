"""Error-minimizing noise beside the published loop written out, its bounds, and its end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.lab import TrainCase
from engine.training import Recipe
from engine.unlearning import ErrorMinimizing
from engine.unlearning.protection.in_rounds import NoiseLoop
from tests import tiny
from tests.engine.unlearning.protection import published

RECIPE = Recipe("phantom_cnn", epochs=2, batch=10, schedule="constant", width=0.5)
BRIEF = {"rounds": 2, "batches": 3, "steps": 4, "stop": 0.0}


def case(seed=5):
    """Three classes of columns; the darkest and brightest values are among the pixels."""
    data = tiny.columns(16, ("a", "b", "c"))
    images = data.images.copy()
    images[..., 12], images[..., 13] = 0, 255
    return TrainCase(replace(data, images=images), RECIPE, seed)


@pytest.mark.parametrize("per", ["image", "class"])
def test_two_rounds_are_those_of_the_published_loop_written_out(per):
    result = ErrorMinimizing(8, **BRIEF, per=per)(case())["noise"].levels
    expected, _ = published.loop(case(), 2, 3, 4, 8, by_class=per == "class")
    assert (result == expected).all()
    assert len(np.unique(result)) > 5


@pytest.mark.parametrize("epsilon", [0, 1, 8, 32])
def test_the_bounds_hold_exactly_in_gray_levels(epsilon):
    question = case()
    result = ErrorMinimizing(epsilon, **BRIEF | {"step": 1.0})(question)["noise"].levels.astype(int)
    clean = question.data.images[question.data.rows("train")].astype(int)
    assert np.abs(result).max() == epsilon
    assert (clean + result).min() >= 0
    assert (clean + result).max() <= 255


def test_noise_of_a_class_is_one_wherever_its_images_have_room():
    question = case()
    result = ErrorMinimizing(8, **BRIEF, per="class")(question)["noise"].levels
    rows = question.data.rows("train")
    clean, labels = question.data.images[rows], question.data.labels[rows]
    room = ((clean >= 8) & (clean <= 247)).all(0)
    for label in range(3):
        class_noise = result[labels == label][:, room]
        assert (class_noise == class_noise[0]).all()
    assert (result[labels == 0][0] != result[labels == 1][0]).any()


def test_it_ends_when_the_surrogate_is_right_on_the_noisy_images():
    question, settings = case(), BRIEF | {"rounds": 12, "batches": 8}
    whole = ErrorMinimizing(16, **settings)(question)
    early = ErrorMinimizing(16, **settings | {"stop": 0.5})(question)
    errors = whole["rounds"]["surrogate's error"]
    assert len(errors) == 12
    first = int(np.argmax(errors < 0.5))
    assert 0 <= first < 11
    assert early["rounds"]["surrogate's error"].tolist() == errors[: first + 1].tolist()
    assert early["rounds"]["round"].tolist() == list(range(1, first + 2))


def test_the_surrogate_s_error_is_that_on_the_images_as_they_are_released():
    """Labels are drawn, so that the noise alone says them: on clean images more is wrong."""
    question, wrong = case(), {}
    drawn = np.random.default_rng(0).permutation(question.data.labels)
    question = replace(question, data=replace(question.data, labels=drawn))
    loop = NoiseLoop(ErrorMinimizing(32, **BRIEF), question)
    for _ in range(BRIEF["rounds"]):
        list(loop.take_turns())
    rows = question.data.rows("train")
    for name, noise in {"clean": 0, "released": loop.levels()}.items():
        pixels = torch.from_numpy((question.data.images[rows] + noise) / np.float32(255))
        predictions = loop.model(pixels.expand(-1, 3, -1, -1)).argmax(1).numpy()
        wrong[name] = (predictions != question.data.labels[rows]).mean()
    assert loop.errors[-1] == pytest.approx(wrong["released"])
    assert wrong["released"] < wrong["clean"]


def test_it_reports_each_round():
    reports = []
    ErrorMinimizing(8, **BRIEF)(case(), lambda done, words="", partial=None: reports.append(words))
    assert {"round 1 of at most 2", "round 2 of at most 2"} <= set(reports)
