"""Protection: training images changed so that a network is to learn nothing useful."""

from engine.unlearning.protection.error_minimizing import ErrorMinimizing
from engine.unlearning.protection.own_image import EasyImage, LocallyMaskedImage
from engine.unlearning.protection.protection import Protection, protected, within
from engine.unlearning.protection.random_noise import RandomNoise
from engine.unlearning.protection.salm import Salm
from engine.unlearning.protection.unlearnable_clusters import UnlearnableClusters

PROTECTIONS: tuple[type[Protection], ...] = (
    ErrorMinimizing,
    Salm,
    UnlearnableClusters,
    RandomNoise,
)
ON_IMAGE = (EasyImage, LocallyMaskedImage)

__all__ = [
    "ON_IMAGE",
    "PROTECTIONS",
    "EasyImage",
    "ErrorMinimizing",
    "LocallyMaskedImage",
    "Protection",
    "RandomNoise",
    "Salm",
    "UnlearnableClusters",
    "protected",
    "within",
]
