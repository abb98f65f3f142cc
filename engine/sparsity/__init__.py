"""Sparsity: what can the model do without?

Scores come from a criterion (a method here, kept like any answer); `Pruner` turns them into
`Masks` at any ratio at once; `pruned` gives a copy with zeros, `shrunk` one without the channels.
"""

from __future__ import annotations

from engine.sparsity.allocation import ALLOCATIONS, RATIOS
from engine.sparsity.case import PruneCase
from engine.sparsity.chance import Random
from engine.sparsity.enforce import bake, enforced, pruned
from engine.sparsity.grasp import Grasp
from engine.sparsity.magnitude import Magnitude
from engine.sparsity.masks import Masks, masks_in, masks_of
from engine.sparsity.parts import Part, parts
from engine.sparsity.pruner import Pruner, Rules
from engine.sparsity.shrink import Shrunk, shrunk
from engine.sparsity.snip import Snip
from engine.sparsity.synflow import SynFlow
from engine.sparsity.taylor import Taylor
from engine.sparsity.units import STRUCTURES

CRITERIA = (Magnitude, Random, Snip, Grasp, SynFlow, Taylor)

PRUNE = CRITERIA

METHODS = PRUNE

__all__ = [
    "ALLOCATIONS",
    "CRITERIA",
    "METHODS",
    "PRUNE",
    "RATIOS",
    "STRUCTURES",
    "Masks",
    "Part",
    "PruneCase",
    "Pruner",
    "Rules",
    "Shrunk",
    "bake",
    "enforced",
    "masks_in",
    "masks_of",
    "parts",
    "pruned",
    "shrunk",
]
