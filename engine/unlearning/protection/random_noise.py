"""Random noise: the control that tells noise that protects from noise that only disturbs."""

from dataclasses import dataclass

import numpy as np

from engine.core.method import Progress, quiet
from engine.unlearning.protection.protection import CLASS, Levels, Protection, per_setting, within
from engine.vision.lab import TrainCase

STREAM = 31  # of the seed's random numbers


@dataclass(frozen=True)
class RandomNoise(Protection):
    """Every value of every training image goes up or down by ε at random.

    It is as large as noise may be, and was made without looking at a network or at the images. That
    of each image is what a network learns to ignore; that of a whole class comes again and again,
    so that it can be learned instead of the images. Where other noise does no better, it is its
    size that protects.
    """

    name = "RandomNoise"
    title = "Random noise"
    proof = (
        "tests/engine/unlearning/protection/test_protection.py"
        "::test_random_noise_is_epsilon_up_or_down_wherever_a_byte_has_room"
    )

    per: str = per_setting()

    def noise(self, case: TrainCase, progress: Progress = quiet) -> Levels:
        """±epsilon, cut where an image has no room."""
        data, rows = case.data, case.data.rows("train")
        clean, rng = data.images[rows], np.random.default_rng([case.seed, STREAM])
        count = len(data.classes) if self.per == CLASS else len(rows)
        signs = 2 * rng.integers(0, 2, (count, *clean.shape[1:]), np.int16) - 1
        progress(0.5, "drawing noise")
        return within(
            self.epsilon * (signs[data.labels[rows]] if self.per == CLASS else signs),
            clean,
            self.epsilon,
        )
