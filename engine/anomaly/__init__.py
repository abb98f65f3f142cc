"""Anomaly: what has the model never seen?"""

from engine.anomaly.costarr.detector import COSTARR
from engine.anomaly.detectors.gen import GEN
from engine.anomaly.detectors.max_logit import MaxLogit
from engine.anomaly.detectors.nnguide import NNGuide
from engine.anomaly.detectors.odin import ODIN
from engine.anomaly.detectors.quick import QUICK
from engine.anomaly.detectors.react import ReAct
from engine.anomaly.detectors.vim import ViM
from engine.anomaly.dictas.localizer import DictAS
from engine.anomaly.dis_vs_gen.experiment import DisVsGenExperiment
from engine.anomaly.dis_vs_gen.naive_bayes import NaiveBayesDetector
from engine.anomaly.fvr.blends import Blends
from engine.anomaly.fvr.experiment import FvrClaims
from engine.anomaly.fvr.method import FVR
from engine.anomaly.localizers.localizer import Localizer
from engine.anomaly.localizers.padim import PaDiM
from engine.anomaly.localizers.patchcore import PatchCore
from engine.anomaly.loki.experiment import LokiExperiment
from engine.anomaly.nova.benchmark import Nova
from engine.anomaly.ntk.experiment import NtkExperiment
from engine.anomaly.protocol.compare import Compare
from engine.anomaly.protocol.corrupt import Corrupt
from engine.anomaly.smote.experiment import SmoteExperiment
from engine.anomaly.tester_learner.experiment import HalfspaceExperiment
from engine.anomaly.tlc.experiment import TLC
from engine.evaluation.detection.bank import Bank, Head
from engine.evaluation.detection.case import DataCase, FamiliarCase
from engine.evaluation.detection.conformal import Conformal, benjamini_hochberg, bonferroni
from engine.evaluation.detection.detector import Detector
from engine.evaluation.detection.energy import Energy
from engine.evaluation.detection.extract import Extract
from engine.evaluation.detection.knn import KNN
from engine.evaluation.detection.lesions import LesionsCase
from engine.evaluation.detection.mahalanobis import Mahalanobis
from engine.evaluation.detection.msp import MSP
from engine.evaluation.detection.nudge import OdinStep
from engine.evaluation.experiment import Experiment

DETECTORS: tuple[type[Detector], ...] = (*QUICK, ODIN)
FAMILIAR = (*DETECTORS, Compare, Corrupt, Extract, OdinStep)
LOCALIZERS: tuple[type[Localizer], ...] = (PatchCore, PaDiM, DictAS)

BENCHMARKS = (Nova,)
DOUBT = (FVR, Blends)
EXPERIMENTS: tuple[type[Experiment], ...] = (
    SmoteExperiment,
    DisVsGenExperiment,
    NtkExperiment,
    LokiExperiment,
    HalfspaceExperiment,
    FvrClaims,
    TLC,
)

METHODS = (*FAMILIAR, *LOCALIZERS, *BENCHMARKS, *DOUBT, *EXPERIMENTS)

__all__ = [
    "BENCHMARKS",
    "COSTARR",
    "DETECTORS",
    "DOUBT",
    "EXPERIMENTS",
    "FAMILIAR",
    "FVR",
    "GEN",
    "KNN",
    "LOCALIZERS",
    "METHODS",
    "MSP",
    "ODIN",
    "QUICK",
    "TLC",
    "Bank",
    "Blends",
    "Compare",
    "Conformal",
    "Corrupt",
    "DataCase",
    "Detector",
    "DictAS",
    "DisVsGenExperiment",
    "Energy",
    "Extract",
    "FamiliarCase",
    "FvrClaims",
    "HalfspaceExperiment",
    "Head",
    "LesionsCase",
    "Localizer",
    "LokiExperiment",
    "Mahalanobis",
    "MaxLogit",
    "NNGuide",
    "NaiveBayesDetector",
    "Nova",
    "NtkExperiment",
    "OdinStep",
    "PaDiM",
    "PatchCore",
    "ReAct",
    "SmoteExperiment",
    "ViM",
    "benjamini_hochberg",
    "bonferroni",
]
