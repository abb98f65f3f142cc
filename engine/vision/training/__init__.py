"""Training as data: a recipe, one loop, its state on disk, and the figures of what came out."""

from engine.vision.training.asking import train
from engine.vision.training.attack import Pgd, pgd
from engine.vision.training.comet import comet_loss, detector_of, train_whole
from engine.vision.training.descent import Diverged, descend
from engine.vision.training.figures import figures, outputs
from engine.vision.training.fresh import fresh, shape_of
from engine.vision.training.hooks import AfterStep, Augmentation
from engine.vision.training.images import augmented
from engine.vision.training.masks import Masks, bake, masked
from engine.vision.training.objective import (
    Batch,
    Criterion,
    Objective,
    absolute_error,
    binary_cross_entropy,
    cross_entropy,
    squared_error,
)
from engine.vision.training.recipe import Recipe
from engine.vision.training.recorder import Recorder
from engine.vision.training.regime import Regime, Scheduled
from engine.vision.training.stacked import StackRecorder, train_stacked
from engine.vision.training.state import Unfinished, unfinished

__all__ = [
    "AfterStep",
    "Augmentation",
    "Batch",
    "Criterion",
    "Diverged",
    "Masks",
    "Objective",
    "Pgd",
    "Recipe",
    "Recorder",
    "Regime",
    "Scheduled",
    "StackRecorder",
    "Unfinished",
    "absolute_error",
    "augmented",
    "bake",
    "binary_cross_entropy",
    "comet_loss",
    "cross_entropy",
    "descend",
    "detector_of",
    "figures",
    "fresh",
    "masked",
    "outputs",
    "pgd",
    "shape_of",
    "squared_error",
    "train",
    "train_stacked",
    "train_whole",
    "unfinished",
]
