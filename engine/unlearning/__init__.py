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

from __future__ import annotations

from typing import Any

from engine.core.method import Method
from engine.evaluation.experiment import Experiment
from engine.unlearning import brought, diagnostics, request
from engine.unlearning.around import AfterCase, BoardCase
from engine.unlearning.case import ForgetCase, forget_case
from engine.unlearning.certificates.certificates import Certificates
from engine.unlearning.certificates.poisoning import PoisonVotes
from engine.unlearning.concepts.collateral import Collateral
from engine.unlearning.concepts.dictionary import Dictionary
from engine.unlearning.concepts.polls import PollsAfter
from engine.unlearning.concepts.sauce import SAUCE
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
from engine.unlearning.experiments.cuda import CudaExperiment
from engine.unlearning.experiments.defenses import ProtectionDefenses
from engine.unlearning.experiments.fair_poisoning import FairPoisoning
from engine.unlearning.experiments.forget_range import RangeForgetting
from engine.unlearning.experiments.protect_image import ProtectImage
from engine.unlearning.experiments.protected_share import ProtectedShare
from engine.unlearning.experiments.protections import ProtectionVictims
from engine.unlearning.experiments.relabelings import RelabeledVictims
from engine.unlearning.experiments.vat import VatExperiment
from engine.unlearning.generator.case import GeneratorCase
from engine.unlearning.generator.salun import GeneratorSalUn
from engine.unlearning.generator.samples import Samples
from engine.unlearning.given import GivenCase, GivenGroups
from engine.unlearning.oracles.closed_form import ClosedForm
from engine.unlearning.oracles.direct import DMDirect
from engine.unlearning.protection import (
    ON_IMAGE,
    PROTECTIONS,
    EasyImage,
    ErrorMinimizing,
    LocallyMaskedImage,
    Protection,
    RandomNoise,
    Salm,
    UnlearnableClusters,
    protected,
)
from engine.unlearning.protection.copies import Copies
from engine.unlearning.protection.own_random import RandomNoiseOnImage
from engine.unlearning.protocol.scoreboard import Scoreboard
from engine.unlearning.protocol.sparser import SparseOriginals
from engine.unlearning.protocol.timing import Timing
from engine.unlearning.protocol.worst import WorstCase, easiest, hardest
from engine.unlearning.request import ForgetRequest, Splits
from engine.unlearning.ways.bad_teacher import BadT
from engine.unlearning.ways.fine_tune import FineTune
from engine.unlearning.ways.fisher import FisherForgetting
from engine.unlearning.ways.gradient_ascent import GradientAscent
from engine.unlearning.ways.importance import Importance, damping_table, plane, threshold_for
from engine.unlearning.ways.influence import IU, IUExact
from engine.unlearning.ways.l1_sparse import L1Sparse
from engine.unlearning.ways.matching import DatamodelMatching, OracleMatching
from engine.unlearning.ways.neg_grad import NegGradPlus
from engine.unlearning.ways.no_op import NoOp
from engine.unlearning.ways.prune_first import PruneFirst
from engine.unlearning.ways.random_labels import RandomLabels
from engine.unlearning.ways.retrain import Retrain
from engine.unlearning.ways.saliency import Saliency, salient
from engine.unlearning.ways.salun import SalUn
from engine.unlearning.ways.scrub import SCRUB
from engine.unlearning.ways.ssd import SSD, dampened
from engine.unlearning.ways.unlearner import Unlearner

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
