"""Anomaly: what has the model never seen?"""

from __future__ import annotations

from engine.anomaly.bank import Bank, Head
from engine.anomaly.case import DataCase, FamiliarCase
from engine.anomaly.compare import Compare
from engine.anomaly.conformal import Conformal, benjamini_hochberg, bonferroni
from engine.anomaly.corrupt import Corrupt
from engine.anomaly.costarr import COSTARR
from engine.anomaly.detector import Detector
from engine.anomaly.energy import Energy
from engine.anomaly.extract import Extract
from engine.anomaly.gen import GEN
from engine.anomaly.knn import KNN
from engine.anomaly.mahalanobis import Mahalanobis
from engine.anomaly.max_logit import MaxLogit
from engine.anomaly.msp import MSP
from engine.anomaly.nnguide import NNGuide
from engine.anomaly.nudge import Nudged
from engine.anomaly.odin import ODIN
from engine.anomaly.quick import QUICK
from engine.anomaly.react import ReAct
from engine.anomaly.vim import ViM

DETECTORS: tuple[type[Detector], ...] = (*QUICK, ODIN)
FAMILIAR = (*DETECTORS, Compare, Corrupt, Extract, Nudged)

METHODS = FAMILIAR

__all__ = [
    "COSTARR",
    "DETECTORS",
    "FAMILIAR",
    "GEN",
    "KNN",
    "METHODS",
    "MSP",
    "ODIN",
    "QUICK",
    "Bank",
    "Compare",
    "Conformal",
    "Corrupt",
    "DataCase",
    "Detector",
    "Energy",
    "Extract",
    "FamiliarCase",
    "Head",
    "Mahalanobis",
    "MaxLogit",
    "NNGuide",
    "Nudged",
    "ReAct",
    "ViM",
    "benjamini_hochberg",
    "bonferroni",
]
