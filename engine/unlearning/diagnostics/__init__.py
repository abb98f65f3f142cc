"""Diagnostics of an unlearner: before, after, and as if the images had never been there."""

from engine.unlearning.diagnostics.confidence import Confidence
from engine.unlearning.diagnostics.confusion import Confusion
from engine.unlearning.diagnostics.embedding import Embedding
from engine.unlearning.diagnostics.frontier import Frontier
from engine.unlearning.diagnostics.judgment import Judged
from engine.unlearning.diagnostics.klom import KLoM
from engine.unlearning.diagnostics.membership import MembershipAttack
from engine.unlearning.diagnostics.moved import WhatMoved, moved_masks
from engine.unlearning.diagnostics.relearn import Relearn
from engine.unlearning.diagnostics.similarity import Similarity
from engine.unlearning.diagnostics.steps import Steps
from engine.unlearning.diagnostics.still_there import StillThere

DIAGNOSTICS = (
    Judged, Confidence, Confusion, MembershipAttack, Embedding, Similarity, WhatMoved, StillThere,
    Relearn, Steps, Frontier, KLoM,
)  # fmt: skip

__all__ = [
    "DIAGNOSTICS",
    "Confidence",
    "Confusion",
    "Embedding",
    "Frontier",
    "Judged",
    "KLoM",
    "MembershipAttack",
    "Relearn",
    "Similarity",
    "Steps",
    "StillThere",
    "WhatMoved",
    "moved_masks",
]
