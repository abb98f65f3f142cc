"""The detectors that only read what the last layer sees, in the order they are shown."""

from __future__ import annotations

from collections.abc import Mapping

from engine.anomaly.costarr import COSTARR
from engine.anomaly.detector import Detector
from engine.anomaly.energy import Energy
from engine.anomaly.gen import GEN
from engine.anomaly.knn import KNN
from engine.anomaly.mahalanobis import Mahalanobis
from engine.anomaly.max_logit import MaxLogit
from engine.anomaly.msp import MSP
from engine.anomaly.nnguide import NNGuide
from engine.anomaly.react import ReAct
from engine.anomaly.vim import ViM

QUICK: tuple[type[Detector], ...] = (
    KNN, ViM, Mahalanobis, COSTARR, NNGuide, MSP, MaxLogit, Energy, GEN, ReAct,
)  # fmt: skip
BY_NAME: Mapping[str, type[Detector]] = {kind.name: kind for kind in QUICK}
