"""Protections as an experiment: what does a network learn from protected images?

Huang et al., "Unlearnable Examples: Making Personal Data Unexploitable" (2021),
https://arxiv.org/abs/2101.04898; Sun et al., "Medical Unlearnable Examples: Securing Medical Data
from Unauthorized Training via Sparsity-Aware Local Masking" (2024), https://arxiv.org/abs/2403.10573
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from engine.core.method import Progress, defaults
from engine.core.pictures import amplified_difference
from engine.core.result import Pictures
from engine.evaluation.experiment import AMPLIFIED, Claim, ExperimentCase, Figures, Trained, Value
from engine.unlearning.protection.victims import (
    ANYWHERE,
    CLEAN,
    CUDA,
    LEARNED,
    LOCAL,
    MINIMIZING,
    OF_CLASS,
    RANDOM,
    RIGHT,
    SHUFFLED,
    LabelWiseVictims,
    closeness,
)
from engine.vision.data import DataSet
from engine.vision.lab import TrainCase

CLOSE = "PSNR of the training images"
WAYS = (CUDA, MINIMIZING, LOCAL, ANYWHERE, SHUFFLED, RANDOM, OF_CLASS)
AT_ONCE = (CUDA, RANDOM, OF_CLASS)  # those that take no network
PICTURED_IMAGES = 3  # images in the picture


def accuracy_loss(of: Value, way: str) -> float:
    """By how much fewer clean test images are right than after clean training."""
    return of(CLEAN, RIGHT) - of(way, RIGHT)


def relative_change(of: Value, way: str) -> float:
    """The mean squared change of a pixel, as a share of the largest there can be."""
    return float(10 ** (-of(way, CLOSE) / 10))


# Thresholds are those of the sheet in shared/papers/blindspots.md: 30 points of SALM's, 5 of the
# control's. Its "clearly less" is taken to be 10 points.
CLAIMS = (
    Claim(
        "A network learns nothing useful from images with error-minimizing noise",
        "clean test accuracy over 30 points below that after clean training",
        lambda of: accuracy_loss(of, MINIMIZING) - 0.3,
    ),
    Claim(
        "SALM's noise on the pixels that matter is enough",
        "clean test accuracy over 30 points below that after clean training",
        lambda of: accuracy_loss(of, LOCAL) - 0.3,
    ),
    Claim(
        "It matters which pixels these are",
        "as many pixels drawn at random cost over 10 points less",
        lambda of: accuracy_loss(of, LOCAL) - accuracy_loss(of, ANYWHERE) - 0.1,
    ),
    Claim(
        "SALM's images are closer to the clean ones than with noise everywhere",
        "a higher PSNR, as any mask gives that leaves pixels out; the margin is the mean squared "
        "change that is saved, as a share of it",
        lambda of: 1 - relative_change(of, LOCAL) / relative_change(of, MINIMIZING),
    ),
    Claim(
        "Victims do learn the protected images that they are given",
        "more than 95 % of them right, with either noise; else they were not trained enough",
        lambda of: min(of(MINIMIZING, LEARNED), of(LOCAL, LEARNED)) - 0.95,
    ),
    Claim(
        "Random noise of the same size protects nothing",
        "clean test accuracy at most 5 points below that after clean training",
        lambda of: 0.05 - accuracy_loss(of, RANDOM),
    ),
    Claim(
        "Nor does error-minimizing noise on the wrong images",
        "shuffled among all training images: at most 5 points below",
        lambda of: 0.05 - accuracy_loss(of, SHUFFLED),
    ),
)


@dataclass(frozen=True)
class ProtectionVictims(LabelWiseVictims):
    """What does a network learn from images protected in different ways?

    Noise that minimizes a surrogate's error is to be learned instead of the images; SALM puts it on
    the pixels with the largest gradients alone; CUDA filters each class. Each victim learns such
    images from its own first weights and is tested on clean ones. Controls: SALM's noise on as many
    pixels drawn at random; the same noise, shuffled among all images; random noise of each image
    and of each class. The last is no control of size alone: a class's noise is a mark that can be
    learned instead of the images, whatever it looks like. Small networks on small images.
    Protection is not privacy: whoever looks at the images sees what is on them.
    """

    name = "ProtectionVictims"
    family = "unlearning"
    title = "What a network learns from protected images"
    paper = (
        "Huang et al., Unlearnable Examples: Making Personal Data Unexploitable (2021), "
        "https://arxiv.org/abs/2101.04898; Sun et al., Medical Unlearnable Examples: Securing "
        "Medical Data from Unauthorized Training via Sparsity-Aware Local Masking (2024), "
        "https://arxiv.org/abs/2403.10573"
    )
    question = "Which protection keeps a network from learning, and is it more than noise?"
    proof = (
        "tests/engine/unlearning/protection/test_protections.py"
        "::test_every_figure_is_that_of_networks_trained_on_images_protected_by_hand"
    )
    example = defaults(victim="MLP", rounds=1)
    measures = (RIGHT, LEARNED, CLOSE)
    charted = (RIGHT, LEARNED)
    units = MappingProxyType({CLOSE: "dB"})
    claims = CLAIMS
    revision = 2  # the picture lies on its side

    def conditions(self, case: ExperimentCase) -> Mapping[str, TrainCase]:
        """One training for all; what is learned differs."""
        return dict.fromkeys((CLEAN, *WAYS), self.training(case))

    def learned_from(self, condition: str, case: ExperimentCase, progress: Progress) -> DataSet:
        """The images as they are, or protected."""
        if condition == CLEAN:
            return case.data
        return self.protect(condition, case, progress)

    def measure(self, trained: Trained, case: ExperimentCase) -> Figures:
        """Also how close the training images are to the clean ones."""
        close = closeness(case.data, trained.training.data)
        return {**super().measure(trained, case), CLOSE: close}

    def picture(self, case: ExperimentCase) -> Pictures:
        """Training images in the ways that take no network, and what each changes."""
        sample_rows = case.data.some("train", PICTURED_IMAGES)
        clean = case.data.images[sample_rows]
        names, columns = ["clean"], [clean]
        for way in AT_ONCE:
            after = self.protect(way, case).images[sample_rows]
            names += [way, f"change × {AMPLIFIED}"]
            columns += [after, amplified_difference(clean, after, AMPLIFIED)]
        return Pictures(
            np.stack(columns, 1).transpose(0, 1, 3, 4, 2),
            case.data.class_names(sample_rows),
            tuple(names),
            f"Noise changes a pixel by at most {self.epsilon} of 255 gray levels; CUDA filters all "
            "images of a class alike.",
        )
