"""Random noise on an image, the control: as large as other noise, made without looking at it."""

from dataclasses import dataclass

import numpy as np

from engine.core.pictures import Pixels
from engine.evaluation.experiment import ImageChange
from engine.unlearning.protection.protection import epsilon_setting, within
from engine.vision.data.protect import key_setting, number_setting

TILE = 256  # px after which the noise comes again, so that images of all sizes share it


@dataclass(frozen=True)
class RandomNoiseOnImage(ImageChange):
    """The image with every value moved up or down by ε at random.

    It looks at no network and at no image. Images of one class (key and class number) get the same
    noise, which comes again after 256 px: a network can learn it instead of the images. Only
    what other noise of the same size does better is due to how it was made. The difference is
    amplified; gray means unchanged. Protection is not privacy.
    """

    name = "RandomNoiseImage"
    family = "unlearning"
    title = "Random noise on an image"
    short = "Random noise"
    main = "epsilon"
    amplified = 10
    proof = (
        "tests/engine/unlearning/protection/test_own_image.py"
        "::test_every_value_moves_by_epsilon_where_a_byte_has_room"
    )

    epsilon: int = epsilon_setting()
    number: int = number_setting()
    key: int = key_setting()

    def apply(self, pixels: Pixels) -> Pixels:
        """The image (H, W, 3) with the noise of its class."""
        height, width = pixels.shape[:2]
        coins = np.random.default_rng([self.key, self.number]).integers(0, 2, (TILE, TILE, 3))
        repeats = (-(-height // TILE), -(-width // TILE), 1)
        signs = np.tile(2 * coins - 1, repeats)[:height, :width]
        noise = within(self.epsilon * signs, pixels, self.epsilon)
        return (pixels + noise).astype(np.uint8)
