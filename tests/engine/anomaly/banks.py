"""Banks made by hand: features, a head, and the logits it gives."""

import warnings
from dataclasses import replace
from functools import cache

import numpy as np
from torch import nn

from engine.anomaly import Bank, FamiliarCase, Head
from engine.vision.data import DataCard, DataSet
from tests import tiny

STEP = 1 / 32  # of a feature that an image's byte can spell


def bank(features, weight=None, bias=None, labels=None, **rest):
    """A bank whose logits are its head's; a random head of three classes when none is given."""
    features = np.asarray(features, np.float64)
    if weight is None:
        weight = np.random.default_rng(5).normal(size=(3, features.shape[1]))
    weight = np.asarray(weight, np.float64)
    bias = np.zeros(len(weight)) if bias is None else np.asarray(bias, np.float64)
    return Bank(features, features @ weight.T + bias, Head(weight, bias), labels=labels, **rest)


def random_bank(count=60, width=8, seed=0, labels=True):
    """Rectified random features; labels are what the head sees."""
    features = spelled(np.maximum(np.random.default_rng(seed).normal(0.3, 1, (count, width)), 0))
    weight = np.random.default_rng(5).normal(size=(3, width))
    features_bank = bank(features, weight, [0.1, -0.2, 0.3])
    return replace(features_bank, labels=features_bank.predicted) if labels else features_bank


def spelled(features):
    """The nearest features that bytes can spell."""
    return np.rint(features / STEP).clip(0, 255) * STEP


class Spelling(nn.Module):
    """A network whose features are the bytes of an image, in steps; then its head."""

    def __init__(self, head):
        super().__init__()
        self.fc = nn.Linear(head.weight.shape[1], len(head.weight))
        tiny.fill(self.fc.weight, head.weight)
        tiny.fill(self.fc.bias, head.bias)

    def forward(self, images):
        return self.fc(images[:, 0].flatten(1)[:, : self.fc.in_features] * (255 * STEP))


def answered(detector, train, asked, unknown=None):
    """A detector's whole answer about a case whose features are those of the banks.

    With fewer than 20 asked images, its views `normal` and `held` are both all of them.
    """
    side = int(np.ceil(np.sqrt(train.features.shape[1])))
    model = tiny.classifier(Spelling(train.head), side, "spelling")

    def images(features):
        result = np.zeros((len(features), side * side), np.uint8)
        result[:, : features.shape[1]] = np.rint(features / STEP)
        assert np.array_equal(result[:, : features.shape[1]] * STEP, features), "not spelled"
        return result.reshape(-1, 1, side, side)

    def data(*banks):
        classes = model.labels if train.labels is not None else ("any",)
        named = [np.zeros(len(each), int) if each.labels is None else each.labels for each in banks]
        split = np.repeat(np.uint8([0, 2][: len(banks)]), [len(image_bank) for image_bank in banks])
        return DataSet(
            "spelled",
            DataCard("Spelled", "", "", ""),
            classes,
            np.concatenate([images(image_bank.features) for image_bank in banks]),
            np.concatenate(named),
            np.arange(len(split)),
            split,
        )

    other = None if unknown is None else data(unknown)
    return detector(FamiliarCase(model, tiny.image(side, seed=77), data(train, asked), other))


def scores(detector, train, asked):
    """What a detector answers about each of a few asked images, through its call."""
    assert len(asked) < 20
    return answered(detector, train, asked)["held"].values


@cache
def digits(seed):
    """Train, known test and unknown banks of scikit-learn's digits, and the accuracy.

    Six random classes are known, a perceptron 64-128-64-6 learns 60 % of their images for 60
    epochs.
    """
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    images, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    known = np.sort(rng.permutation(10)[:6])
    rows = rng.permutation(np.flatnonzero(np.isin(labels, known)))
    train, test = np.split(rows, [int(0.6 * len(rows))])
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")  # 60 epochs are meant to be the end
        net = MLPClassifier((128, 64), max_iter=60, random_state=seed)
        net.fit(images[train] / 16, labels[train])

    def seen(some, told):
        hidden = images[some] / 16
        for weight, bias in zip(net.coefs_[:-1], net.intercepts_[:-1], strict=True):
            hidden = np.maximum(hidden @ weight + bias, 0)
        right = np.searchsorted(known, labels[some]) if told else None
        return bank(hidden, net.coefs_[-1].T, net.intercepts_[-1], right)

    return seen(train, True), seen(test, True), seen(np.flatnonzero(~np.isin(labels, known)), False)
