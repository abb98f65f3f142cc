"""Training as data: a recipe, one loop, its state on disk, and the figures of what came out."""

from engine.training.asking import train
from engine.training.attack import Pgd, pgd
from engine.training.comet import comet_loss, detector_of, train_whole
from engine.training.descent import Diverged, descend
from engine.training.figures import figures, outputs
from engine.training.fresh import fresh, shape_of
from engine.training.hooks import AfterStep, Augmentation
from engine.training.images import augmented
from engine.training.masks import Masks, bake, masked
from engine.training.objective import (
    Batch,
    Criterion,
    Objective,
    absolute_error,
    binary_cross_entropy,
    cross_entropy,
    squared_error,
)
from engine.training.recipe import Recipe
from engine.training.recorder import Recorder
from engine.training.regime import Regime, Scheduled
from engine.training.stacked import StackRecorder, train_stacked
from engine.training.state import Unfinished, unfinished

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
