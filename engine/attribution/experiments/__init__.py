"""Experiments on what a network looks at and what fools it: claims of papers, tried here."""

from engine.attribution.experiments.adaptive import AdaptiveSmoothing
from engine.attribution.experiments.cbsn import Cbsn
from engine.attribution.experiments.comet import CometExperiment
from engine.attribution.experiments.comet_grid import CometGrid
from engine.attribution.experiments.own_maps import OwnMapsExperiment
from engine.evaluation.experiment import Experiment

EXPERIMENTS: tuple[type[Experiment], ...] = (
    AdaptiveSmoothing,
    OwnMapsExperiment,
    CometExperiment,
    CometGrid,
    Cbsn,
)

__all__ = [
    "EXPERIMENTS",
    "AdaptiveSmoothing",
    "Cbsn",
    "CometExperiment",
    "CometGrid",
    "OwnMapsExperiment",
]
