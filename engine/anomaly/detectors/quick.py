"""The detectors that only read what the last layer sees, in the order they are shown."""

from collections.abc import Mapping

from engine.anomaly.costarr.detector import COSTARR
from engine.anomaly.detectors.gen import GEN
from engine.anomaly.detectors.max_logit import MaxLogit
from engine.anomaly.detectors.nnguide import NNGuide
from engine.anomaly.detectors.react import ReAct
from engine.anomaly.detectors.vim import ViM
from engine.anomaly.dis_vs_gen.naive_bayes import NaiveBayesDetector
from engine.evaluation.detection.detector import Detector
from engine.evaluation.detection.energy import Energy
from engine.evaluation.detection.knn import KNN
from engine.evaluation.detection.mahalanobis import Mahalanobis
from engine.evaluation.detection.msp import MSP

QUICK: tuple[type[Detector], ...] = (
    KNN, ViM, Mahalanobis, NaiveBayesDetector, COSTARR, NNGuide, MSP, MaxLogit, Energy, GEN, ReAct,
)  # fmt: skip
BY_NAME: Mapping[str, type[Detector]] = {kind.name: kind for kind in QUICK}
