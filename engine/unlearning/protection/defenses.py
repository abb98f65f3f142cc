"""Defenses as an experiment: what undoes a protection when whoever trains knows of it?

Images are treated as in Liu et al., "Image Shortcut Squeezing: Countering Perturbative Availability
Poisons with Compression" (2023), https://arxiv.org/abs/2301.13838; adversarial training as in Huang
et al., "Unlearnable Examples" (2021), https://arxiv.org/abs/2101.04898. That half of the accuracy
must be back is this project's bar.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.method import Progress, defaults
from engine.core.result import Pictures
from engine.evaluation.experiment import Claim, ExperimentCase, Value
from engine.unlearning.protection.copies import Copy, as_jpeg
from engine.unlearning.protection.copies import gray as gray_copy
from engine.unlearning.protection.victims import (
    CLEAN,
    OF_CLASS,
    RIGHT,
    LabelWiseVictims,
    way_setting,
)
from engine.vision.data import DataSet
from engine.vision.lab import TrainCase

Bytes = NDArray[np.uint8]  # (n, C, H, W)

QUALITY = 10  # of JPEG, as published
REACH = 4 / 255  # of adversarial training, as the sheet has it, in five of its ten steps
PLAIN, MOVED, ATTACKED = "no defense", "moved and mirrored", "adversarial training"
GRAY, JPEG = "gray-scale", f"JPEG {QUALITY}"
COSTS = 0.05  # of accuracy that a protection costs at least, if there is something to undo
BACK = f"it costs over {100 * COSTS:.0f} points, and over half of what it costs is back"
PICTURED_IMAGES = 4  # images in the picture


def gray(images: Bytes) -> Bytes:
    """The luma of ITU-R 601-2 in every channel; images of one channel as they are."""
    return images if images.shape[1] == 1 else copy_images(images, gray_copy)


def jpeg(images: Bytes, quality: int = QUALITY) -> Bytes:
    """Written as JPEG files and read again."""
    return copy_images(images, partial(as_jpeg, quality=quality))


def copy_images(images: Bytes, copy: Copy) -> Bytes:
    """A copy of each image, which has one or three channels."""
    result = np.empty_like(images)
    for place, image in enumerate(images):
        pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        copied = copy(np.ascontiguousarray(pixels))
        result[place] = copied[None] if copied.ndim == 2 else copied.transpose(2, 0, 1)
    return result


@dataclass(frozen=True)
class Defense:
    """What whoever trains does against a protection.

    Args:
        recipe: what is changed of the training.
        images: what is done to training images before it; test images stay as they are.
    """

    recipe: Mapping[str, Any] = field(default_factory=dict)
    images: Callable[[Bytes], Bytes] | None = None


DEFENSES: Mapping[str, Defense] = {
    PLAIN: Defense(),
    MOVED: Defense({"shift": 4, "mirror": True}),
    GRAY: Defense(images=gray),
    JPEG: Defense(images=jpeg),
    ATTACKED: Defense({"epsilon": REACH, "attack_steps": 5, "attack_step": 0.3}),
}


def clean(defense: str) -> str:
    """The condition of clean images under a defense."""
    return f"{CLEAN}, {defense}"


def shielded(defense: str) -> str:
    """The condition of protected images under it."""
    return f"protected, {defense}"


def undone(of: Value, defense: str) -> float:
    """By how much more than half of the accuracy that protection costs is back.

    Never more than the cost exceeds what random noise may cost, COSTS: where nothing was lost,
    nothing comes back.
    """
    low = of(shielded(PLAIN), RIGHT)
    cost = of(clean(PLAIN), RIGHT) - low
    return min(of(shielded(defense), RIGHT) - low - cost / 2, cost - COSTS)


CLAIMS = (
    Claim(
        "The protection costs a network that knows nothing of it most of what it would learn",
        "clean test accuracy over 30 points below that after clean training",
        lambda of: of(clean(PLAIN), RIGHT) - of(shielded(PLAIN), RIGHT) - 0.3,
    ),
    Claim(
        "Augmentation does not undo it",
        "with moved and mirrored images still over 30 points below clean training with them",
        lambda of: of(clean(MOVED), RIGHT) - of(shielded(MOVED), RIGHT) - 0.3,
    ),
    Claim(
        "Adversarial training undoes it: the limit of such protections",
        BACK,
        lambda of: undone(of, ATTACKED),
    ),
    Claim(f"So does JPEG at quality {QUALITY}", BACK, lambda of: undone(of, JPEG)),
)


@dataclass(frozen=True)
class ProtectionDefenses(LabelWiseVictims):
    """What undoes a protection, when whoever trains knows that there may be one?

    Four defenses: images are moved by up to 4 px and mirrored; trained on images that are attacked
    by up to 4/255 (PGD, five steps); made gray; or written as JPEG of quality 10. The last two are
    done to training images alone, as in the published code: test images are clean and stay as they
    are. Each defense costs something by itself, which the clean images under it show. Gray images
    are not changed by making them gray. Small networks on small images.
    """

    name = "ProtectionDefenses"
    family = "unlearning"
    title = "What undoes a protection"
    paper = (
        "Liu et al., Image Shortcut Squeezing: Countering Perturbative Availability Poisons with "
        "Compression (2023), https://arxiv.org/abs/2301.13838"
    )
    question = "Does a protection withstand somebody who knows about it?"
    proof = (
        "tests/engine/unlearning/protection/test_defenses.py"
        "::test_every_figure_is_that_of_networks_trained_on_images_treated_by_hand"
    )
    example = defaults(victim="MLP", way="random noise for each class")
    claims = CLAIMS
    revision = 2  # what is undone must have cost something

    way: str = way_setting()

    def conditions(self, case: ExperimentCase) -> Mapping[str, TrainCase]:
        """Clean and protected images under each defense."""
        return {
            name(defense): self.training(case, **how.recipe)
            for defense, how in DEFENSES.items()
            for name in (clean, shielded)
        }

    def learned_from(self, condition: str, case: ExperimentCase, progress: Progress) -> DataSet:
        """The images, protected or not, after what the defense does to them."""
        data = case.data
        treat = next(
            how.images
            for defense, how in DEFENSES.items()
            if condition in {clean(defense), shielded(defense)}
        )
        if condition.startswith("protected"):
            data = self.protect(self.way, case, progress)
        return data if treat is None else treated(data, treat)

    def picture(self, case: ExperimentCase) -> Pictures:
        """What is left of training images with each class's noise after each treatment."""
        sample_rows = case.data.some("train", PICTURED_IMAGES)
        noisy = self.protect(OF_CLASS, case).images[sample_rows]
        rows = {
            "clean": case.data.images[sample_rows],
            OF_CLASS: noisy,
            GRAY: gray(noisy),
            JPEG: jpeg(noisy),
        }
        return Pictures(
            np.stack(list(rows.values())).transpose(0, 1, 3, 4, 2),
            tuple(rows),
            case.data.class_names(sample_rows),
            f"JPEG of quality {QUALITY} takes fine noise away, and much of so small an image, too.",
        )


def treated(data: DataSet, treat: Callable[[Bytes], Bytes]) -> DataSet:
    """The data with something done to the training images."""
    rows, images = data.rows("train"), data.images.copy()
    images[rows] = treat(images[rows])
    return replace(data, images=images, name=f"{data.name}/{treat.__name__}")
