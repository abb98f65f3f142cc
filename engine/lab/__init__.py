"""The lab: models are trained here, on data whose truth is known."""

from engine.lab.case import TrainCase, again
from engine.lab.train import Train

TRAINING = (Train,)

METHODS = TRAINING

__all__ = ["METHODS", "TRAINING", "Train", "TrainCase", "again"]
