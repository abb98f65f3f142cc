"""Unlearnable Clusters: noise that follows clusters of images, whatever labels they will get."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.core.method import Choice, Progress, Slider, defaults, part_of, quiet, setting
from engine.core.run import answer
from engine.unlearning.protection.protection import LARGEST, Levels, MadeNoise, Protection, within
from engine.unlearning.uc.cluster_map import AFTER, BEFORE, RANDOM, Moved, share_of
from engine.unlearning.uc.cluster_noise import (
    CHANCE,
    DIRECT,
    FORMS,
    Bytes,
    NoiseSearch,
    Surrogate,
    check_different,
    clustered,
    targets_of,
)
from engine.vision import data as data_sets
from engine.vision.data.relabel import RANDOM as RANDOM_MERGE
from engine.vision.data.relabel import relabeled
from engine.vision.lab import Train, TrainCase
from engine.vision.models.lite import load_lite
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import Recipe

OWN_LABELS, OTHER, LITE = SURROGATES = ("own", "other labels", "lite0")
RECIPE = Recipe(
    "resnet8", epochs=10, batch=32, optimizer="AdamW", rate=0.003, decay=0.01, schedule="one cycle"
)  # of the example's network
LITE_SIDE = 96  # px at least, to which images are enlarged for EfficientNet-Lite0
TRAINED, LOOKED, SEARCHED = 0.3, 0.35, 0.95  # shares of the progress


@dataclass(frozen=True)
class UnlearnableClusters(Protection):
    """Noise that needs no labels: images of one cluster of features get the same.

    Whoever collects images may label them anew, and then noise that follows the owner's labels
    protects little. Here images fall into clusters of a network's features. Each cluster has one
    noise, which draws all images to the center of another cluster. A network that learns from the
    protected images can tell clusters apart by their noise alone. The labels take part only where
    the network that gives the features learns from them. The map shows two directions of many, and
    *moved* counts in all of them: how many images lie nearest to the center they were drawn to.
    That the features of this network move says little about another that has yet to learn.
    """

    name = "UC"
    title = "Unlearnable Clusters"
    paper = (
        "Zhang et al., Unlearnable Clusters: Towards Label-agnostic Unlearnable Examples (2022), "
        "https://arxiv.org/abs/2301.01217"
    )
    proof = (
        "tests/engine/unlearning/uc/test_unlearnable_clusters.py"
        "::test_the_noise_of_each_cluster_is_the_published_descent_written_out"
    )
    example = defaults(clusters=3, steps=2)

    epsilon: int = setting(
        16,
        Slider(0, LARGEST, 1, "/255"),
        "Noise ε",
        "The most that a pixel changes, in gray levels of 255; 0 leaves the images as they are.",
    )
    clusters: int = setting(
        10, Slider(2, 20, 1), "Clusters", "Groups that the images fall into (k-means)."
    )
    offset: int = setting(
        1,
        Slider(1, 19, 1),
        "Offset",
        "The noise of cluster j draws to the center of cluster "
        "j + offset; after the last comes the first.",
    )
    form: str = setting(
        DIRECT,
        Choice((*FORMS, CHANCE)),
        "Noise from",
        "direct: each pixel steps along the sign "
        "of the gradient; generator: a network makes the noise, as in the paper, and needs "
        "hundreds of steps; chance: ±ε at random for each cluster, the control.",
    )
    steps: int = setting(
        40, Slider(1, 1000, 1, log=True), "Steps", "For each cluster, with 64 images each."
    )
    surrogate: str = setting(
        OWN_LABELS,
        Choice(
            SURROGATES,
            titles={
                OWN_LABELS: "trained on these labels",
                OTHER: "trained on merged labels",
                LITE: "EfficientNet-Lite0",
            },
        ),
        "Features of",
        "A network that learned the clean images, by their labels or by others, "
        "or one that learned ImageNet and never met them (slow).",
    )

    def noise(self, case: TrainCase, progress: Progress = quiet) -> Levels:
        """The noise of its cluster on every training image."""
        return self.made(case, progress).levels

    def made(self, case: TrainCase, progress: Progress = quiet) -> MadeNoise:
        """The noise, and views: map, clusters, moved, noise of each cluster."""
        targets = targets_of(self.clusters, self.offset)
        images = case.data.images[case.data.rows("train")]
        check_different(len({image.tobytes() for image in images}), self.clusters)
        surrogate = self.seen_by(case, part_of(progress, 0.0, TRAINED, "training"))
        progress(TRAINED, "looking at images")
        features = surrogate.of(images)
        clusters = clustered(features, self.clusters, case.seed)
        searched_noise = random_noise = self.chance(case.seed, images)
        if self.form != CHANCE:
            search = NoiseSearch(self.form, self.epsilon, self.steps, case.seed)
            searched_noise = search.found(
                surrogate, images, clusters.centers[targets], part_of(progress, LOOKED, SEARCHED)
            )
        levels, random_levels = (
            within(noise[clusters.of], images, self.epsilon)
            for noise in (searched_noise, random_noise)
        )
        features_by_view = {
            BEFORE: features,
            AFTER: surrogate.of(add_noise(images, levels)),
            RANDOM: surrogate.of(add_noise(images, random_levels)),
        }
        progress(1.0, "compared")
        views = Moved(clusters, targets, features_by_view).views(case.data)
        return MadeNoise(levels, views=views)

    def seen_by(self, case: TrainCase, progress: Progress) -> Surrogate:
        """The network whose features count; one that is trained is kept, as every training is."""
        if self.surrogate == LITE:
            return Surrogate(load_lite(), max(LITE_SIDE, case.data.side))
        if self.surrogate == OTHER:
            case = replace(case, data=relabeled(case.data, RANDOM_MERGE))
        return Surrogate(rebuilt(answer(Train(), case, progress)["model"]))

    def chance(self, seed: int, images: Bytes) -> Levels:
        """Random noise of each cluster, ±epsilon, (K, C, H, W): the control."""
        rng = np.random.default_rng([seed, 44])
        signs = rng.choice(np.array([-1, 1], np.int16), (self.clusters, *images.shape[1:]))
        return self.epsilon * signs

    def finding(self, case: TrainCase, result: Mapping[str, Any]) -> str:
        """How far the images are changed, and how many lie where they were drawn to."""
        moved = result["moved"]
        share = {name: 100 * moved.cell(name, share_of("images")) for name in moved.rows}
        return (
            f"{super().finding(case, result)} {share[AFTER]:.0f} % of the protected images lie "
            f"nearest to the center they were drawn to ({share[BEFORE]:.0f} % of the clean ones, "
            f"{share[RANDOM]:.0f} % with random noise of the same size)."
        )


def example_case(seed: int = 0) -> TrainCase:
    """Textured shapes and a small network to make this noise with."""
    return TrainCase(data_sets.load("textured"), RECIPE, seed)


def add_noise(images: Bytes, levels: Levels) -> Bytes:
    """Images with noise that keeps them within a byte."""
    return (images + levels).astype(np.uint8)
