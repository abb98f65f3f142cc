"""Figures of a linear model, whose margins are known: a step of epsilon takes 2 epsilon of them."""

import numpy as np
import torch

from engine.vision.data import DataCard, DataSet
from engine.vision.models.classifier import Classifier
from engine.vision.training import Pgd, figures
from tests import tiny

LEVELS = (60, 60, -60, 60, 60, 52, 30, 10, -5, -60, 20)  # the first pixel less the second
LABELS = (1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0)
SPLIT = (0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 2)  # train, validation, test


def compared(levels, labels, split):
    """A model that compares two pixels, and images that it is asked about."""
    images = np.full((len(levels), 1, 2, 2), 100, np.uint8)
    images[:, 0, 0, 0] += np.array(levels).astype(np.uint8)
    weight = torch.tensor([[1.0, -1.0], [0.0, 0.0]]).expand(3, 2, 2) / 3
    network, plain = tiny.Linear(weight.clone()), ((0.0,) * 3, (1.0,) * 3)
    model = Classifier(network, "linear", "Linear", 2, *plain, ("a", "b"))
    arrays = np.array(labels, np.int64), np.arange(len(levels)), np.array(split, np.uint8)
    card = DataCard("Levels", "", "", "")
    return model, DataSet("levels", card, ("a", "b", "c"), images, *arrays)


def test_figures_are_shares_of_right_answers_with_four_digits():
    """Under attack a margin of 52 of 255 lasts, 52 of 256 would not."""
    model, data = compared(LEVELS, LABELS, SPLIT)
    plain = {
        "train accuracy": 0.6667,
        "validation accuracy": 0.0,
        "test accuracy": 0.7143,  # 4 of 5, and 1 of 2
        "balanced test accuracy": 0.65,
    }
    assert figures(model, data) == plain
    under_attack = {"test accuracy under attack, ε = 0.10175": 0.4286}  # 2 of 5, and 1 of 2
    attack = Pgd(0.10175, 10, 0.05)
    assert figures(model, data, attack) == plain | under_attack
    assert figures(model, data.take(data.rows("train")), attack) == {"train accuracy": 0.6667}


def test_a_class_counts_alike_however_many_images_it_has():
    """Of five, two and one: 4, 1 and none, since the model knows two classes only."""
    model, data = compared((*LEVELS, 30), (*LABELS, 2), (*SPLIT, 2))
    result = figures(model, data)
    assert (result["test accuracy"], result["balanced test accuracy"]) == (0.625, 0.4333)


def test_an_attack_starts_from_the_same_noise_each_time():
    model, data = compared([*range(-20, 20)], [1] * 40, [2] * 40)
    noise = torch.empty(40, 1, 2, 2).uniform_(-1, 1, generator=torch.Generator().manual_seed(0))
    moved = torch.arange(-20, 20) / 255 + 0.1 * (noise[:, 0, 0, 0] - noise[:, 0, 0, 1])
    share = round((moved > 0).float().mean().item(), 4)
    name = "test accuracy under attack, ε = 0.1"
    assert figures(model, data, Pgd(0.1, 0, 0.05))[name] == share
