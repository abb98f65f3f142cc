"""The lab: models are trained here, on data whose truth is known."""

from engine.vision.lab.case import TrainCase, again
from engine.vision.lab.kept import keep, keep_when_done, under_way
from engine.vision.lab.train import Train
from engine.vision.lab.train_seeds import TrainSeeds

TRAINING = (Train,)
OTHER_SEEDS = (TrainSeeds,)

METHODS = (*TRAINING, *OTHER_SEEDS)

__all__ = [
    "METHODS",
    "OTHER_SEEDS",
    "TRAINING",
    "Train",
    "TrainCase",
    "TrainSeeds",
    "again",
    "keep",
    "keep_when_done",
    "under_way",
]
