"""Small trained models that the tests of unlearning share; each is made once."""

from copy import deepcopy
from dataclasses import replace
from functools import cache

import numpy as np
import torch

from engine.unlearning import ForgetCase, forget_case, request
from engine.vision import data as data_sets
from engine.vision.training import Recipe, fresh, train
from tests.in_memory import torch_file

RECIPE = Recipe("lenet", epochs=8, batch=32, rate=0.05, decay=0.0005)
BRIEF = replace(RECIPE, epochs=2)  # for what holds however well a model has learned


@cache
def original(name="digits", recipe=RECIPE, seed=0):
    """A model trained by the recipe."""
    data = data_sets.load(name)
    model = fresh(data, recipe, seed)
    train(model, data, recipe, seed)
    return model


def class_case(label=3, seed=0, recipe=RECIPE) -> ForgetCase:
    """The digits' LeNet is to forget a class."""
    data = data_sets.load("digits")
    return forget_case(
        original("digits", recipe), data, request.of_class(data, label), recipe, seed
    )


def noisy_case(seed=0, recipe=RECIPE, share=0.1) -> ForgetCase:
    """It is to forget its wrong labels."""
    name = f"digits+noisy:share={share:g}"
    data = data_sets.load(name)
    return forget_case(original(name, recipe), data, request.wrong_labels(data), recipe, seed)


def steepened(model, factor):
    """A model whose losses soon are no numbers."""
    steep = deepcopy(model)
    with torch.no_grad():
        for parameter in steep.parameters():
            parameter.mul_(factor)
    return steep


def weights(answered):
    """The weights of an unlearned model by name."""
    return answered["model"].weights


def same(first, second):
    """Whether two unlearned models are the same to the bit."""
    return all(
        np.array_equal(weights(first)[name], weights(second)[name]) for name in weights(first)
    )


def saved(content):
    """As torch saves it."""
    return torch_file(content)


def scores(answered):
    """The figures of an unlearned model by name."""
    return dict(zip(answered["scores"].labels, answered["scores"].values, strict=True))
