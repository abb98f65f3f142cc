"""What all protections share: bounds, the protected set, its picture and its figures."""

from dataclasses import replace

import numpy as np
import pytest

from engine.core.errors import BadData
from engine.unlearning.protection import protection
from engine.unlearning.protection.protection import protected, within
from engine.unlearning.protection.random_noise import RandomNoise
from engine.vision.lab import TrainCase
from engine.vision.training import Recipe
from tests import tiny
from tests.refusals import assert_refused


def case(classes=("a", "b", "c"), side=16, seed=0):
    """Noise with a bright column for each class; the darkest and brightest pixels are there."""
    data = tiny.columns(side, classes)
    images = data.images.copy()
    images[..., 0], images[..., 1] = 0, 255
    return TrainCase(replace(data, images=images), Recipe("mlp", epochs=1), seed)


def test_noise_is_cut_to_epsilon_and_to_a_byte_and_none_leaves_every_image_as_it_is():
    images = np.array([[[[0, 3, 100, 250, 255]]]], np.uint8)
    noise = np.array([[[[-5, -9, 40, 9, 9]]]], np.int16)
    assert within(noise, images, 8).tolist() == [[[[0, -3, 8, 5, 0]]]]
    assert not within(noise, images, 0).any()
    question = case()
    result = RandomNoise(0)(question)
    assert (protected(question.data, result["noise"].levels).images == question.data.images).all()
    assert np.isnan(result["figures"].cell("training images", "PSNR"))
    assert result["figures"].cell("training images", "SSIM") == pytest.approx(1)
    assert RandomNoise(0).finding(question, result) == "No image is changed."


@pytest.mark.parametrize("epsilon", [0, 1, 8, 32])
@pytest.mark.parametrize("per", ["image", "class"])
def test_random_noise_is_epsilon_up_or_down_wherever_a_byte_has_room(epsilon, per):
    question = case()
    rows = question.data.rows("train")
    noise = RandomNoise(epsilon, per)(question)["noise"].levels.astype(int)
    clean = question.data.images[rows].astype(int)
    assert noise.shape == clean.shape
    assert 0 <= (clean + noise).min() < (clean + noise).max() <= 255
    room = (clean >= epsilon) & (clean <= 255 - epsilon)
    assert (np.abs(noise[room]) == epsilon).all()
    assert np.abs(noise).max() == epsilon
    if epsilon:
        assert abs(np.sign(noise[room]).mean()) < 0.1  # a fair coin
        first, second = np.flatnonzero(question.data.labels[rows] == 0)[:2]
        both = room[first] & room[second]
        assert (noise[first] == noise[second])[both].all() == (per == "class")


def test_only_training_images_change_and_the_truth_says_which():
    question = case()
    result = RandomNoise(8)(question)
    after = protected(question.data, result["noise"].levels)
    train = question.data.rows("train")
    others = np.setdiff1d(np.arange(len(after)), train)
    assert (after.images[others] == question.data.images[others]).all()
    assert (after.images[train] == question.data.images[train] + result["noise"].levels).all()
    assert np.flatnonzero(after.truth["protected"]).tolist() == train.tolist()
    assert (after.ids[train] == result["noise"].ids).all()
    assert (result["noise"].levels != RandomNoise(8)(case(seed=1))["noise"].levels).any()
    assert after.fingerprint != question.data.fingerprint
    assert after.name != question.data.name
    assert "Protected" in after.card.title


def test_figures_and_picture_are_those_of_the_images():
    question = case()
    result = RandomNoise(8)(question)
    noise = result["noise"].levels.astype(float)
    figures = result["figures"]
    expected = 10 * np.log10(255**2 / np.square(noise).mean())
    assert figures["PSNR"][0] == pytest.approx(expected)
    assert figures["pixels changed"][0] == pytest.approx((noise != 0).any(1).mean())
    assert figures["largest change"][0] == 8
    assert 0 < figures["SSIM"][0] < 1
    sentence = RandomNoise(8).finding(question, result)
    assert "more than 8 of 255" in sentence
    assert f"PSNR {expected:.1f} dB, SSIM {figures['SSIM'][0]:.3f}" in sentence
    picture = result["picture"]
    assert picture.rows == ("clean", "noise × 10", "protected")
    assert set(picture.columns) == set(question.data.classes)
    clean, noise, after = picture.images.astype(int)
    assert (noise == np.clip(128 + 10 * (after - clean), 0, 255)).all()
    assert RandomNoise(32)(question)["picture"].rows[1] == "noise × 3"


def test_noise_of_other_images_and_one_class_are_refused_in_a_sentence():
    question = case()
    noise = RandomNoise(8)(question)["noise"].levels
    for other, words in ((noise[1:], "This noise is for"), (0 * noise + 8, "leaves the range")):
        assert_refused(words, protected, question.data, other, error=BadData)
    data = question.data
    alone = replace(data, classes=("a",), labels=np.zeros_like(data.labels))
    assert_refused("one class", TrainCase, alone, Recipe("mlp"))


def test_more_values_than_fit_in_memory_are_refused_before_any_noise_is_made(monkeypatch):
    question = case()
    values = len(question.data.rows("train")) * 16 * 16
    monkeypatch.setattr(protection, "MOST_VALUES", values)
    assert RandomNoise(8)(question)["noise"].levels.any()
    monkeypatch.setattr(protection, "MOST_VALUES", values - 1)
    monkeypatch.setattr(RandomNoise, "noise", None)
    words = "noise is made for at most .* smaller images"
    assert_refused(words, RandomNoise(8), question, error=BadData)
