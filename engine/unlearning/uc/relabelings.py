"""Unlearnable Clusters as an experiment: does a protection survive when images are relabeled?

Zhang et al., "Unlearnable Clusters: Towards Label-agnostic Unlearnable Examples" (2022),
https://arxiv.org/abs/2301.01217
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from engine.core.method import Progress, Slider, defaults, setting
from engine.core.pictures import amplified_difference
from engine.core.result import Pictures
from engine.evaluation.experiment import AMPLIFIED, Claim, ExperimentCase, Value
from engine.unlearning.protection.error_minimizing import ErrorMinimizing
from engine.unlearning.protection.protection import Levels, Protection, protected, within
from engine.unlearning.protection.victims import (
    CLEAN,
    RIGHT,
    VictimExperiment,
    noise_setting,
    noised,
)
from engine.unlearning.uc.cluster_noise import CHANCE, DIRECT
from engine.unlearning.uc.unlearnable_clusters import UnlearnableClusters
from engine.vision.data import DataSet
from engine.vision.data.relabel import COARSE, ORIGINAL, RANDOM, RELABELINGS, relabeled
from engine.vision.lab import TrainCase

CLUSTERS, BY_CHANCE = "clusters", "clusters, random"
LABELS, UNIVERSAL = "noise by label", "one random noise"  # the former is made for the coarse ones
WAYS = (CLEAN, CLUSTERS, BY_CHANCE, LABELS, UNIVERSAL)
OTHERS = (ORIGINAL, RANDOM)  # labelings that the label-wise noise does not know
DATA = ("textured", "twice:count=1000", "mnist-5k")
PICTURED_IMAGES = 8  # images in the picture
STREAM = 47  # of a seed's random numbers


def under(labels: str, way: str) -> str:
    """The condition of images protected in some way and learned under some labels."""
    return f"{labels}: {way}"


def accuracy_loss(of: Value, labels: str, way: str) -> float:
    """By how much fewer clean test images are right than after clean training."""
    return of(under(labels, CLEAN), RIGHT) - of(under(labels, way), RIGHT)


# Thresholds are those of the sheet in shared/papers/blindspots.md.
CLAIMS = (
    Claim(
        "Unlearnable Clusters protect whatever the labels",
        "under each of three labelings over 25 points fewer clean test images right",
        lambda of: (
            min(accuracy_loss(of, relabeling, CLUSTERS) for relabeling in RELABELINGS) - 0.25
        ),
    ),
    Claim(
        "It matters what the noise of a cluster draws to",
        "random noise of the same clusters and size costs over 10 points less, under each of three "
        "labelings",
        lambda of: (
            min(
                accuracy_loss(of, relabeling, CLUSTERS) - accuracy_loss(of, relabeling, BY_CHANCE)
                for relabeling in RELABELINGS
            )
            - 0.1
        ),
    ),
    Claim(
        "Noise that follows labels protects when these are learned",
        "over 25 points fewer, under the labels for which it was made",
        lambda of: accuracy_loss(of, COARSE, LABELS) - 0.25,
    ),
    Claim(
        "It does not when other labels are learned",
        "over 25 points under its own labels, fewer than 10 under each of two other labelings",
        lambda of: min(
            0.1 - max(accuracy_loss(of, labeling, LABELS) for labeling in OTHERS),
            accuracy_loss(of, COARSE, LABELS) - 0.25,
        ),
    ),
    Claim(
        "One random noise for all images protects nothing",
        "fewer than 5 points, under each of three labelings",
        lambda of: (
            0.05 - max(accuracy_loss(of, relabeling, UNIVERSAL) for relabeling in RELABELINGS)
        ),
    ),
)


@dataclass(frozen=True)
class RelabeledVictims(VictimExperiment):
    """Does a protection survive when somebody else relabels the images?

    The same images are learned under three labelings: their own classes, a coarse one, and classes
    merged by chance. *Unlearnable Clusters* uses no labels but those of the network that gives the
    features, which learns the images' own. Its rival is error-minimizing noise of each class, made
    for the coarse labels, as an owner would who expects these to be learned. Each of the images'
    own classes lies in one coarse class, so that this noise says a part of them, too; a random
    merge is never the coarse labeling, but may overlap with it. Controls: random noise of the same
    size for each of the same clusters, which a network can tell apart as well, and one for all
    images. Each victim is tested on clean images. Small networks on small images.
    """

    name = "RelabeledVictims"
    family = "unlearning"
    title = "Protected images under new labels (Unlearnable Clusters)"
    paper = (
        "Zhang et al., Unlearnable Clusters: Towards Label-agnostic Unlearnable Examples (2022), "
        "https://arxiv.org/abs/2301.01217"
    )
    question = "Does a protection hold when the images get other labels?"
    proof = (
        "tests/engine/unlearning/protection/test_protections.py"
        "::test_every_figure_is_that_of_networks_trained_under_each_labeling_by_hand"
    )
    example = defaults(victim="MLP", clusters=3, rounds=1)
    data = DATA
    claims = CLAIMS
    revision = 3  # random noise of the same clusters stands beside

    epsilon: int = noise_setting(16)
    clusters: int = setting(
        6, Slider(2, 20, 1), "Clusters", "Groups of images that get the same noise."
    )

    def conditions(self, case: ExperimentCase) -> Mapping[str, TrainCase]:
        """Each way under each labeling."""
        training = self.training(case)
        data = {relabeling: relabeled_images(case, relabeling) for relabeling in RELABELINGS}
        return {
            under(relabeling, way): replace(training, data=data[relabeling])
            for relabeling in RELABELINGS
            for way in WAYS
        }

    def learned_from(self, condition: str, case: ExperimentCase, progress: Progress) -> DataSet:
        """Images that were protected before they got these labels."""
        labels, _, way = condition.partition(": ")
        clean = relabeled_images(case, labels)
        if way == CLEAN:
            return clean
        if way == UNIVERSAL:
            return protected(clean, one_for_all(case, self.epsilon))
        if way in {CLUSTERS, BY_CHANCE}:
            form = DIRECT if way == CLUSTERS else CHANCE
            method: Protection = UnlearnableClusters(
                epsilon=self.epsilon, clusters=self.clusters, form=form
            )
            after = noised(method)(case.data, case.seed, progress)
        else:
            method = ErrorMinimizing(
                epsilon=self.epsilon, rounds=self.rounds, stop=0.0, per="class"
            )
            after = noised(method)(relabeled_images(case, COARSE), case.seed, progress)
        return replace(clean, images=after.images, name=f"{clean.name}/{way}")

    def picture(self, case: ExperimentCase) -> Pictures:
        """Training images and their labels; with the noise that all of them share."""
        sample_rows = case.data.some("train", PICTURED_IMAGES, case.seed)
        clean = case.data.images[sample_rows]
        after = protected(case.data, one_for_all(case, self.epsilon)).images[sample_rows]
        rows = {
            "clean": clean,
            UNIVERSAL: after,
            f"difference × {AMPLIFIED}": amplified_difference(clean, after, AMPLIFIED),
        }
        data = [relabeled_images(case, relabeling) for relabeling in RELABELINGS]
        labels = tuple(
            " / ".join(
                relabeled_data.classes[relabeled_data.labels[row]] for relabeled_data in data
            )
            for row in sample_rows
        )
        return Pictures(
            np.stack(list(rows.values())).transpose(0, 1, 3, 4, 2),
            tuple(rows),
            tuple(str(at + 1) for at in range(len(sample_rows))),
            f"Below each image its labels: {', '.join(RELABELINGS)}.",
            captions=(*labels, *("",) * (2 * len(sample_rows))),
        )


def relabeled_images(case: ExperimentCase, labels: str) -> DataSet:
    """The data under some labels; chance follows the seed."""
    return relabeled(case.data, labels, case.seed % 10_000)


def one_for_all(case: ExperimentCase, epsilon: int) -> Levels:
    """One random noise of ±epsilon for all training images, cut to what each has room for."""
    images = case.data.images[case.data.rows("train")]
    signs = np.random.default_rng([case.seed, STREAM]).integers(0, 2, (1, *images.shape[1:]))
    return within(np.broadcast_to(epsilon * (2 * signs - 1), images.shape), images, epsilon)
