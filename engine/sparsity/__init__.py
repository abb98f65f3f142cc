"""Sparsity: what can the model do without?

Scores come from a criterion (a method here, kept like any answer); a `Pruner` turns them into
`Masks` at any ratio at once; `pruned` gives a copy with zeros, `shrunk` one without the channels.
"""

from __future__ import annotations

from engine.evaluation.experiment import Experiment
from engine.sparsity.bip.method import BiP
from engine.sparsity.criteria.learned import Learned
from engine.sparsity.effects.harm import Harm, harm
from engine.sparsity.effects.level import Level
from engine.sparsity.effects.seeds import Seeds
from engine.sparsity.effects.sensitivity import Sensitivity
from engine.sparsity.effects.tradeoff import Tradeoff, sparsest
from engine.sparsity.effects.unknown import Unknown, told_apart
from engine.sparsity.effects.untrained import Untrained
from engine.sparsity.ftwt.experiment import FireTogether
from engine.sparsity.late_rewinding.rewinding import Rewinding
from engine.sparsity.lth.lottery import Lottery
from engine.sparsity.mask_llm.pattern import LearnedPattern
from engine.sparsity.masks.allocation import ALLOCATIONS, RATIOS
from engine.sparsity.masks.enforce import bake, enforced, pruned
from engine.sparsity.masks.file import masks_file, read_masks
from engine.sparsity.masks.pruner import MaskRules, Pruner
from engine.sparsity.masks.pruning import CRITERIA, Pruning, pruner_of
from engine.sparsity.masks.rounds import rounds_of
from engine.sparsity.masks.shrink import Shrunk, shrunk
from engine.sparsity.masks.units import STRUCTURES
from engine.sparsity.nm_flow.experiment import NMFlowExperiment
from engine.sparsity.prune import Prune, RetrainPruned, keep
from engine.sparsity.random_pruning.experiment import RandomPruning
from engine.sparsity.reprogram.experiment import Reprogram
from engine.sparsity.tickets.rewound import Rewound
from engine.vision.weights.case import PruneCase, agreement_only, prune_case
from engine.vision.weights.masks import Masks, masks_in, masks_of
from engine.vision.weights.parts import PrunableWeight, prunable_parts
from engine.vision.weights.scores import read_scores
from engine.vision.weights.subjects import photographs

PRUNE = (
    *CRITERIA,
    Prune,
    RetrainPruned,
    Tradeoff,
    Level,
    Harm,
    Seeds,
    Unknown,
    Untrained,
    Sensitivity,
)

EXPERIMENTS: tuple[type[Experiment], ...] = (
    NMFlowExperiment,
    RandomPruning,
    FireTogether,
    Reprogram,
)
TICKETS = (Lottery, BiP, Rewound, Rewinding)


METHODS = (*PRUNE, *TICKETS, *EXPERIMENTS)


__all__ = [
    "ALLOCATIONS",
    "CRITERIA",
    "EXPERIMENTS",
    "METHODS",
    "PRUNE",
    "RATIOS",
    "STRUCTURES",
    "TICKETS",
    "BiP",
    "FireTogether",
    "Harm",
    "Learned",
    "LearnedPattern",
    "Level",
    "Lottery",
    "MaskRules",
    "Masks",
    "NMFlowExperiment",
    "PrunableWeight",
    "Prune",
    "PruneCase",
    "Pruner",
    "Pruning",
    "RandomPruning",
    "Reprogram",
    "RetrainPruned",
    "Rewinding",
    "Rewound",
    "Seeds",
    "Sensitivity",
    "Shrunk",
    "Tradeoff",
    "Unknown",
    "Untrained",
    "agreement_only",
    "bake",
    "enforced",
    "harm",
    "keep",
    "masks_file",
    "masks_in",
    "masks_of",
    "photographs",
    "prunable_parts",
    "prune_case",
    "pruned",
    "pruner_of",
    "read_masks",
    "read_scores",
    "rounds_of",
    "shrunk",
    "sparsest",
    "told_apart",
]
