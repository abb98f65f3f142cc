"""Victims: networks that learn protected images and are tested on clean ones.

A protection changes training images alone. Its noise is made with a surrogate that has a seed of
its own; the victim begins with other weights, learns what is released, and is asked about test
images to which nothing was done.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import isinf, nan
from typing import Any, ClassVar

import numpy as np

from engine.core.method import Choice, Progress, Slider, part_of, quiet, setting
from engine.core.result import View
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase, Figures, Trained, TrainingExperiment
from engine.evaluation.measures.likeness import psnr
from engine.unlearning.protection.error_minimizing import ErrorMinimizing
from engine.unlearning.protection.protection import Protection, protected, within
from engine.unlearning.protection.random_noise import RandomNoise
from engine.unlearning.salm.noise import Salm, kappa_setting
from engine.vision.data import DataSet, Rows
from engine.vision.data.protect import Cuda
from engine.vision.data.variants import sample_rows
from engine.vision.lab import TrainCase
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recipe, outputs

CLEAN = "clean images"
CUDA, MINIMIZING, LOCAL = "CUDA", "error-minimizing noise", "SALM"
ANYWHERE, SHUFFLED = "SALM, random mask", "error-minimizing noise, shuffled"
RANDOM, OF_CLASS = "random noise", "random noise for each class"
RIGHT, LEARNED = "clean test images right", "training images right"
VICTIMS = {"ResNet-8": "resnet8", "CNN with max pooling": "phantom_cnn", "MLP": "mlp"}
SHAPES = "textured+relabeled:how=coarse"
DATA = (SHAPES, "textured", "twice:count=1000", "phantoms:side=48", "mnist-5k")
SURROGATE = Recipe("phantom_cnn", batch=32, optimizer="Adam", rate=0.001)
SEED_GAP = 1_000_003  # between the seeds of surrogate and victim
STREAMS = 41, 43  # of a seed's random numbers: whose noise an image gets, which are protected

Protect = Callable[[DataSet, int, Progress], DataSet]  # clean data, a seed, progress → protected


def noise_setting(default: int) -> Any:
    """The bound of the noise."""
    return setting(
        default,
        Slider(1, 32, 1, "/255"),
        "Noise ε",
        "The most that noise changes a pixel, in gray levels of 255. CUDA has no such bound.",
    )


def way_setting() -> Any:
    """Which protection is looked at."""
    return setting(
        MINIMIZING,
        Choice((MINIMIZING, LOCAL, CUDA, OF_CLASS)),
        "Protection",
        "How the images are protected.",
    )


@dataclass(frozen=True)
class VictimExperiment(TrainingExperiment):
    """Trainings that differ in the images they are made on."""

    data: ClassVar[tuple[str, ...]] = DATA
    measures: ClassVar[tuple[str, ...]] = (RIGHT, LEARNED)

    epsilon: int = noise_setting(8)
    rounds: int = setting(
        15,
        Slider(1, 60, 1),
        "Rounds",
        "How often the surrogate and error-minimizing noise take turns; all of them are taken.",
    )
    victim: str = setting(
        "CNN with max pooling",
        Choice(tuple(VICTIMS)),
        "Network",
        "What learns the images. The "
        "surrogate that noise is made with is such a CNN; the noise was made without the others.",
    )
    epochs: int = setting(10, Slider(1, 60, 1), "Epochs", "How often the network sees each image.")

    @abstractmethod
    def learned_from(self, condition: str, case: ExperimentCase, progress: Progress) -> DataSet:
        """What the victim of a condition learns."""

    def figures(
        self,
        condition: str,
        what: TrainCase,
        case: ExperimentCase,
        progress: Progress,
        views: dict[str, View],
    ) -> Figures:
        """Those of the network that learned the images of the condition."""
        making = part_of(progress, 0.0, 0.5, otherwise="protecting images")
        training = replace(what, data=self.learned_from(condition, case, making))
        return super().figures(condition, training, case, part_of(progress, 0.5, 1.0), views)

    def measure(self, trained: Trained, case: ExperimentCase) -> Figures:  # noqa: ARG002
        """Shares of test images, which nobody changes, and of training images as learned."""
        data = trained.training.data
        return {
            RIGHT: label_rate(trained.model, data, "test"),
            LEARNED: label_rate(trained.model, data, "train"),
        }

    def training(self, case: ExperimentCase, **changes: Any) -> TrainCase:
        """The victim's training on clean images; `changes` are of its recipe."""
        return TrainCase(case.data, replace(recipe(self.victim, self.epochs), **changes), case.seed)


@dataclass(frozen=True)
class LabelWiseVictims(VictimExperiment):
    """Victims of protections that know the labels which are learned, and of their controls."""

    kappa: float = kappa_setting()

    def protect(self, way: str, case: ExperimentCase, progress: Progress = quiet) -> DataSet:
        """The data, protected in one of the ways."""
        return self.ways()[way](case.data, case.seed, progress)

    def ways(self) -> Mapping[str, Protect]:
        """How images can be protected, by name."""
        everywhere = ErrorMinimizing(epsilon=self.epsilon, rounds=self.rounds, stop=0.0)
        local = Salm(epsilon=self.epsilon, rounds=self.rounds, stop=0.0, kappa=self.kappa)
        return {
            CUDA: filtered,
            MINIMIZING: noised(everywhere),
            LOCAL: noised(local),
            ANYWHERE: noised(replace(local, mask="random")),
            SHUFFLED: noised(everywhere, shuffled=True),
            RANDOM: noised(RandomNoise(epsilon=self.epsilon)),
            OF_CLASS: noised(RandomNoise(epsilon=self.epsilon, per="class")),
        }


def recipe(victim: str, epochs: int) -> Recipe:
    """How a victim is trained."""
    return Recipe(
        VICTIMS[victim],
        epochs=epochs,
        batch=32,
        optimizer="AdamW",
        rate=0.003,
        decay=0.01,
        schedule="one cycle",
    )


def filtered(data: DataSet, seed: int, progress: Progress) -> DataSet:
    """Every class with CUDA's filter of its own."""
    progress(0.5, "filtering images")
    return Cuda(key=seed % 10_000)(data)


def noised(method: Protection, *, shuffled: bool = False) -> Protect:
    """The noise of a method on the images for which it was made, or on others.

    It is kept once it is computed; what is drawn in no time is drawn here.
    """

    def protect(data: DataSet, seed: int, progress: Progress) -> DataSet:
        # no victim begins with the weights that the noise was made for
        case = TrainCase(data, SURROGATE, seed + SEED_GAP)
        if isinstance(method, RandomNoise):
            return protected(data, method.noise(case, progress))
        noise = answer(method, case, progress)["noise"]
        levels = noise.levels
        if shuffled:
            order = np.random.default_rng([seed, STREAMS[0]]).permutation(len(levels))
            # cut again: the noise had room on the image it was made for
            levels = within(levels[order], data.images[data.rows("train")], method.epsilon)
        return protected(data, levels)

    return protect


def protected_rows(clean: DataSet, share: float, seed: int) -> Rows:
    """The training images that are protected when only a share is; a larger share has them, too."""
    return sample_rows(clean.rows("train"), share, np.random.default_rng([seed, STREAMS[1]]))


def partly(clean: DataSet, changed: DataSet, share: float, seed: int) -> DataSet:
    """Clean data of which a share of the training images is as in the changed data."""
    if share == 1:
        return changed
    rows, images = protected_rows(clean, share, seed), clean.images.copy()
    images[rows] = changed.images[rows]
    return replace(clean, images=images, name=f"{changed.name}/{share:g}")


def closeness(clean: DataSet, changed: DataSet) -> float:
    """PSNR of changed training images in dB; NaN where nothing was changed."""
    rows = clean.rows("train")
    result = psnr(clean.images[rows], changed.images[rows])
    return nan if isinf(result) else result


def label_rate(
    model: Classifier, data: DataSet, split: str, step: int = 0, classes: int | None = None
) -> float:
    """The share of a split's images that are given their label, or the one `step` after it."""
    rows = data.rows(split)
    target_labels = data.targets(rows) + step
    predictions = outputs(model, data, rows).argmax(1)
    return (
        (predictions == (target_labels % classes if classes else target_labels))
        .double()
        .mean()
        .item()
    )
