"""Training as data: a recipe, one loop, its state on disk, and the figures of what came out."""

from engine.training.asking import train
from engine.training.attack import Pgd, pgd
from engine.training.figures import figures, outputs
from engine.training.fresh import fresh, shape_of
from engine.training.hooks import AfterStep, ExtraLoss
from engine.training.masks import Masks, bake, masked
from engine.training.recipe import Recipe
from engine.training.state import Unfinished, unfinished

__all__ = [
    "AfterStep",
    "ExtraLoss",
    "Masks",
    "Pgd",
    "Recipe",
    "Unfinished",
    "bake",
    "figures",
    "fresh",
    "masked",
    "outputs",
    "pgd",
    "shape_of",
    "train",
    "unfinished",
]
