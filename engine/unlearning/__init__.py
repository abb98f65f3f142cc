"""Unlearning: what can a model forget, and what stays behind?

    case = forget_case(model, data, request.of_class(data, 3))
    table = answer(Scoreboard(seeds=1), BoardCase(case, (FineTune(), SalUn(), SSD())))["table"]
    images = answer(Confidence(), AfterCase(case, SalUn()))["images"]
    kept = checkpoints.keep(answer(SalUn(), case)["model"])

Five kinds of case: a model and its data (`PruneCase`: WorstCase, which finds the hardest images to
forget); a request alone (`ForgetCase`: the unlearners, Saliency, Importance), several
unlearners on it (`BoardCase`: Scoreboard, Timing, SparseOriginals), one looked at closely
(`AfterCase`: DIAGNOSTICS), which may also be given as models that were made elsewhere
(`GivenCase`; many of each kind: `GivenGroups`), and an image generator (`GeneratorCase`:
GENERATOR). CERTIFICATES are asked of a data set (`ExperimentCase`).
"""

from typing import Any

from engine.core.method import Method
from engine.evaluation.experiment import Experiment
from engine.unlearning import brought, diagnostics, request
from engine.unlearning.around import AfterCase, BoardCase
from engine.unlearning.case import ForgetCase, forget_case
from engine.unlearning.cuda.experiment import CudaExperiment
from engine.unlearning.cuda.protect_image import ProtectImage
from engine.unlearning.deep_regression.experiment import RangeForgetting
from engine.unlearning.diagnostics import (
    Confidence,
    Confusion,
    Embedding,
    Frontier,
    Judged,
    KLoM,
    MembershipAttack,
    Relearn,
    Similarity,
    Steps,
    StillThere,
    WhatMoved,
    moved_masks,
)
from engine.unlearning.dmm.closed_form import ClosedForm
from engine.unlearning.dmm.direct import DMDirect
from engine.unlearning.dmm.matching import DatamodelMatching, OracleMatching
from engine.unlearning.eng.experiment import FairPoisoning
from engine.unlearning.generator.case import GeneratorCase
from engine.unlearning.generator.samples import Samples
from engine.unlearning.given import GivenCase, GivenGroups
from engine.unlearning.protection.copies import Copies
from engine.unlearning.protection.defenses import ProtectionDefenses
from engine.unlearning.protection.error_minimizing import ErrorMinimizing
from engine.unlearning.protection.own_image import EasyImage, LocallyMaskedImage
from engine.unlearning.protection.own_random import RandomNoiseOnImage
from engine.unlearning.protection.protected_share import ProtectedShare
from engine.unlearning.protection.protection import Protection, protected
from engine.unlearning.protection.protections import ProtectionVictims
from engine.unlearning.protection.random_noise import RandomNoise
from engine.unlearning.protocol.scoreboard import Scoreboard
from engine.unlearning.protocol.timing import Timing
from engine.unlearning.request import ForgetRequest, Splits
from engine.unlearning.roe.certificates import Certificates
from engine.unlearning.roe.poisoning import PoisonVotes
from engine.unlearning.salm.noise import Salm
from engine.unlearning.salun.generator import GeneratorSalUn
from engine.unlearning.salun.saliency import Saliency, salient
from engine.unlearning.salun.unlearner import SalUn
from engine.unlearning.sauce.collateral import Collateral
from engine.unlearning.sauce.dictionary import Dictionary
from engine.unlearning.sauce.method import SAUCE
from engine.unlearning.sauce.polls import PollsAfter
from engine.unlearning.sparse_mu.l1_sparse import L1Sparse
from engine.unlearning.sparse_mu.prune_first import PruneFirst
from engine.unlearning.sparse_mu.sparser import SparseOriginals
from engine.unlearning.ssd.importance import Importance, damping_table, plane, threshold_for
from engine.unlearning.ssd.unlearner import SSD, dampened
from engine.unlearning.uc.relabelings import RelabeledVictims
from engine.unlearning.uc.unlearnable_clusters import UnlearnableClusters
from engine.unlearning.vat.experiment import VatExperiment
from engine.unlearning.ways.bad_teacher import BadT
from engine.unlearning.ways.fine_tune import FineTune
from engine.unlearning.ways.fisher import FisherForgetting
from engine.unlearning.ways.gradient_ascent import GradientAscent
from engine.unlearning.ways.influence import IU, IUExact
from engine.unlearning.ways.neg_grad import NegGradPlus
from engine.unlearning.ways.no_op import NoOp
from engine.unlearning.ways.random_labels import RandomLabels
from engine.unlearning.ways.retrain import Retrain
from engine.unlearning.ways.scrub import SCRUB
from engine.unlearning.ways.unlearner import Unlearner
from engine.unlearning.worst_forget.worst import WorstCase, easiest, hardest

PROTECTIONS: tuple[type[Protection], ...] = (
    ErrorMinimizing,
    Salm,
    UnlearnableClusters,
    RandomNoise,
)
ON_IMAGE = (EasyImage, LocallyMaskedImage)

FORGET: tuple[type[Method[Any]], ...] = (
    Retrain, NoOp, FineTune, GradientAscent, RandomLabels, FisherForgetting, IU, IUExact, L1Sparse,
    SalUn, SSD, SCRUB, NegGradPlus, BadT, OracleMatching, DatamodelMatching, PruneFirst, Saliency,
    Importance, WorstCase, DMDirect, ClosedForm, Scoreboard, Timing, SparseOriginals,
    *diagnostics.DIAGNOSTICS,
)  # fmt: skip
UNLEARNERS = tuple(kind for kind in FORGET if issubclass(kind, Unlearner))

DIAGNOSTICS = diagnostics.DIAGNOSTICS

EXPERIMENTS: tuple[type[Experiment], ...] = (
    CudaExperiment,
    ProtectionVictims,
    ProtectionDefenses,
    ProtectedShare,
    RelabeledVictims,
    RangeForgetting,
    VatExperiment,
    FairPoisoning,
)
PROTECT = (ProtectImage, RandomNoiseOnImage)

CONCEPTS = (Dictionary, SAUCE, Collateral, PollsAfter)

GENERATOR = (GeneratorSalUn, Samples)

CERTIFICATES = (Certificates, PoisonVotes)

COPIES = (Copies,)

METHODS = (
    *FORGET,
    *EXPERIMENTS,
    *PROTECT,
    *PROTECTIONS,
    *ON_IMAGE,
    *COPIES,
    *CONCEPTS,
    *GENERATOR,
    *CERTIFICATES,
)

__all__ = [
    "CERTIFICATES",
    "CONCEPTS",
    "COPIES",
    "DIAGNOSTICS",
    "EXPERIMENTS",
    "FORGET",
    "GENERATOR",
    "IU",
    "METHODS",
    "ON_IMAGE",
    "PROTECT",
    "PROTECTIONS",
    "SAUCE",
    "SCRUB",
    "SSD",
    "UNLEARNERS",
    "AfterCase",
    "BadT",
    "BoardCase",
    "Certificates",
    "ClosedForm",
    "Collateral",
    "Confidence",
    "Confusion",
    "Copies",
    "CudaExperiment",
    "DMDirect",
    "DatamodelMatching",
    "Dictionary",
    "EasyImage",
    "Embedding",
    "ErrorMinimizing",
    "FairPoisoning",
    "FineTune",
    "FisherForgetting",
    "ForgetCase",
    "ForgetRequest",
    "Frontier",
    "GeneratorCase",
    "GeneratorSalUn",
    "GivenCase",
    "GivenGroups",
    "GradientAscent",
    "IUExact",
    "Importance",
    "Judged",
    "KLoM",
    "L1Sparse",
    "LocallyMaskedImage",
    "MembershipAttack",
    "NegGradPlus",
    "NoOp",
    "OracleMatching",
    "PoisonVotes",
    "PollsAfter",
    "ProtectImage",
    "ProtectedShare",
    "Protection",
    "ProtectionDefenses",
    "ProtectionVictims",
    "PruneFirst",
    "RandomLabels",
    "RandomNoise",
    "RandomNoiseOnImage",
    "RangeForgetting",
    "RelabeledVictims",
    "Relearn",
    "Retrain",
    "SalUn",
    "Saliency",
    "Salm",
    "Samples",
    "Scoreboard",
    "Similarity",
    "SparseOriginals",
    "Splits",
    "Steps",
    "StillThere",
    "Timing",
    "UnlearnableClusters",
    "Unlearner",
    "VatExperiment",
    "WhatMoved",
    "WorstCase",
    "brought",
    "dampened",
    "damping_table",
    "easiest",
    "forget_case",
    "hardest",
    "moved_masks",
    "plane",
    "protected",
    "request",
    "salient",
    "threshold_for",
]
