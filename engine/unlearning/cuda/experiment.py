"""CUDA as an experiment: a network learns protected images and is tested on clean ones.

Sadasivan et al., "CUDA: Convolution-based Unlearnable Datasets" (2023),
https://arxiv.org/abs/2303.04278
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.core.method import Choice, Slider, setting
from engine.core.pictures import amplified_difference
from engine.core.result import Pictures
from engine.evaluation.experiment import (
    AMPLIFIED,
    Claim,
    ExperimentCase,
    Figures,
    Trained,
    TrainingExperiment,
)
from engine.unlearning.cuda.protect_image import ProtectImage
from engine.unlearning.protection.victims import CLEAN, LEARNED, RIGHT, VICTIMS, label_rate, recipe
from engine.vision.data import DataSet
from engine.vision.data.protect import (
    NEXT,
    OWN_FILTER,
    SAME,
    Cuda,
    blur_setting,
    draw_filters,
    legacy,
    size_setting,
    strength_setting,
)
from engine.vision.lab import TrainCase

PROTECTED, ONE_FILTER = "protected images", "one filter for all"
WITH_OWN, WITH_NEXT = "own filter: right", "next filter: its class named"
PICTURED_IMAGES = 8  # images in the picture, as many of each class

# Thresholds of the sheet in shared/papers/blindspots.md, which are those of the paper's tables.
CLAIMS = (
    Claim(
        "Protected images are easy to learn",
        "more than 95 % of the protected training images right",
        lambda of: of(PROTECTED, LEARNED) - 0.95,
    ),
    Claim(
        "What is learned from them is of no use on clean images",
        "clean test accuracy below half of that after clean training",
        lambda of: of(CLEAN, RIGHT) / 2 - of(PROTECTED, RIGHT),
    ),
    Claim(
        "Test images with the filter of their own class are recognized",
        "more than 90 % right",
        lambda of: of(PROTECTED, WITH_OWN) - 0.9,
    ),
    Claim(
        "With the filter of another class they are taken for that class",
        "more than 60 % named as the filter's class",
        lambda of: of(PROTECTED, WITH_NEXT) - 0.6,
    ),
    Claim(
        "One filter for all classes protects nothing",
        "clean test accuracy at most 5 points below that after clean training",
        lambda of: of(ONE_FILTER, RIGHT) - of(CLEAN, RIGHT) + 0.05,
    ),
)
DATA = ("twice:count=1000", "twice", "scenes", "mnist-5k")


@dataclass(frozen=True)
class CudaExperiment(TrainingExperiment):
    """Can images be changed so that a network learns nothing useful from them?

    Every class is convolved with a secret filter of its own. A network that learns which filter
    instead of which shape is right on protected images, fails on clean ones, and follows the filter
    when a test image carries that of another class. Two controls: training on clean images, and one
    filter for all classes, which blurs as much and tells nothing about the class. Protection is not
    privacy: whoever looks at the images sees what is on them. Small networks on small images.
    """

    name = "CUDA"
    family = "unlearning"
    title = "Protect images from being learned (CUDA)"
    paper = (
        "Sadasivan et al., CUDA: Convolution-based Unlearnable Datasets (2023), "
        "https://arxiv.org/abs/2303.04278"
    )
    question = "Can images be protected so that a network learns nothing useful from them?"
    proof = (
        "tests/engine/unlearning/cuda/test_cuda.py"
        "::test_every_figure_is_that_of_networks_trained_and_tested_by_hand"
    )
    data = DATA
    measures = (RIGHT, WITH_OWN, WITH_NEXT, LEARNED)
    claims = CLAIMS
    own_image = ProtectImage

    strength: float = strength_setting()
    blur: float = blur_setting()
    size: int = size_setting()
    share: float = setting(
        1.0, Slider(0.0, 1.0, 0.05), "Share", "Chance of each training image to be protected."
    )
    victim: str = setting("ResNet-8", Choice(tuple(VICTIMS)), "Network", "What learns the images.")
    epochs: int = setting(10, Slider(1, 60, 1), "Epochs", "How often it sees each image.")
    epsilon: float = setting(
        0.0,
        Slider(0.0, 0.1, 0.005),
        "Adversarial training",
        "The network trains on images "
        "attacked by up to so much in every pixel (PGD), which is the paper's countermeasure; 0 "
        "trains on the images as they are.",
    )

    def conditions(self, case: ExperimentCase) -> Mapping[str, TrainCase]:
        """Clean training, protected training, and the control with one filter."""
        victim_recipe = replace(recipe(self.victim, self.epochs), epsilon=self.epsilon)
        trained_on = {
            CLEAN: case.data,
            PROTECTED: self.filtered(case, "train", OWN_FILTER, self.share),
            ONE_FILTER: self.filtered(case, "train", SAME, self.share),
        }
        return {
            name: TrainCase(data, victim_recipe, case.seed) for name, data in trained_on.items()
        }

    def measure(self, trained: Trained, case: ExperimentCase) -> Figures:
        """Shares of its training images, of clean and of filtered test images."""
        classes = len(case.data.classes)
        return {
            RIGHT: label_rate(trained.model, case.data, "test"),
            WITH_OWN: label_rate(trained.model, self.filtered(case, "test", OWN_FILTER), "test"),
            WITH_NEXT: label_rate(
                trained.model, self.filtered(case, "test", NEXT), "test", 1, classes
            ),
            LEARNED: label_rate(trained.model, trained.training.data, "train"),
        }

    def filtered(
        self, case: ExperimentCase, split: str, filters: str, share: float = 1.0
    ) -> DataSet:
        """The data with filters on one split; each seed has a key of its own."""
        protect = Cuda(split, filters, self.strength, self.blur, self.size, share, case.seed)
        return protect(case.data)

    def picture(self, case: ExperimentCase) -> Pictures:
        """Training images of each class: clean, their filter, protected, and what changed."""
        data, sample_rows = case.data, first_of_each(case.data)
        clean = data.images[sample_rows]
        protected = self.filtered(case, "train", OWN_FILTER).images[sample_rows]
        kernels = draw_filters(legacy(case.seed), len(data.classes), self.blur, self.size)
        filters = [
            kernel_tile(kernels[label], *clean.shape[2:]) for label in data.labels[sample_rows]
        ]
        rows = [
            clean,
            np.broadcast_to(np.stack(filters)[:, None], clean.shape),
            protected,
            amplified_difference(clean, protected, AMPLIFIED),
        ]
        changed = np.abs(protected.astype(np.float64) - clean).mean()
        return Pictures(
            np.stack(rows).transpose(0, 1, 3, 4, 2),
            ("clean", "filter of the class", "protected", f"difference × {AMPLIFIED}"),
            data.class_names(sample_rows),
            f"Protection changes a pixel by {changed:.0f} of 255 gray levels on average; all "
            "images of a class share one filter.",
        )


def first_of_each(data: DataSet) -> NDArray[np.int64]:
    """The first training images of every class, about PICTURED_IMAGES in all, class by class."""
    rows, per_class = data.rows("train"), max(1, PICTURED_IMAGES // len(data.classes))
    labels = range(len(data.classes))
    return np.concatenate([rows[data.labels[rows] == label][:per_class] for label in labels])


def kernel_tile(kernel: NDArray[np.float32], height: int, width: int) -> NDArray[np.uint8]:
    """A filter as an image (height, width): black is 0, white is 1."""
    size = len(kernel)
    rows, columns = np.arange(height) * size // height, np.arange(width) * size // width
    return np.rint(255 * kernel[np.ix_(rows, columns)]).astype(np.uint8)
