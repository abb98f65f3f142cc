"""Experiments on what a network looks at and what fools it: claims of papers, tried here."""

from engine.attribution.experiments.adaptive import AdaptiveSmoothing
from engine.experiment import Experiment

EXPERIMENTS: tuple[type[Experiment], ...] = (AdaptiveSmoothing,)

__all__ = ["EXPERIMENTS", "AdaptiveSmoothing"]
