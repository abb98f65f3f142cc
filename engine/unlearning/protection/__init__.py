"""Protection: training images changed so that a network learns nothing useful from them."""

from engine.unlearning.protection.protection import Protection, protected, within
from engine.unlearning.protection.random_noise import RandomNoise

PROTECTIONS: tuple[type[Protection], ...] = (RandomNoise,)

__all__ = ["PROTECTIONS", "Protection", "RandomNoise", "protected", "within"]
