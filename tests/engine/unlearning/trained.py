"""Small trained models that the tests of unlearning share; each is made once."""

from copy import deepcopy
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from torch.nn import functional as F

from engine.core.run import answer
from engine.unlearning import BoardCase, ForgetCase, Scoreboard, forget_case, request
from engine.vision import data as data_sets
from engine.vision.training import Recipe, fresh, train
from tests import tiny
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
    data, model = data_sets.load("digits"), original("digits", recipe)
    return forget_case(model, data, request.of_class(data, label), recipe, seed)


def columns_case(recipe) -> ForgetCase:
    """An untrained model of bright columns is to forget a class."""
    data = tiny.columns(16, ("a", "b", "c"))
    return ForgetCase(fresh(data, recipe), data, request.of_class(data, 1), recipe)


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


def loss_on(model, data, rows, reduction="mean"):
    """The cross-entropy of a model on some images."""
    return F.cross_entropy(model(data.pixels(rows)), data.targets(rows), reduction=reduction)


def assert_weights(answered, model, **near):
    """An unlearned model has the weights of another one."""
    for name, tensor in model.network.state_dict().items():
        np.testing.assert_allclose(weights(answered)[name], tensor.detach().numpy(), **near)


def weights(answered):
    """The weights of an unlearned model by name."""
    return answered["model"].weights


def same(first, second):
    """Whether two unlearned models are the same to the bit."""
    other = weights(second)
    return all(np.array_equal(weight, other[name]) for name, weight in weights(first).items())


def figures_by_way(cases, ways):
    """Every figure of the scoreboards of some cases, by row and column: (cases,) each."""
    tables = [answer(Scoreboard(), BoardCase(case, ways))["table"] for case in cases]
    return {
        row: {name: np.array([table.cell(row, name) for table in tables]) for name in table.order}
        for table in tables[:1]
        for row in table.rows
    }


def saved(content):
    """As torch saves it."""
    return torch_file(content)


def scores(answered):
    """The figures of an unlearned model by name."""
    return dict(zip(answered["scores"].labels, answered["scores"].values, strict=True))
