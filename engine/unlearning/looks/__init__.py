"""Looks at what an unlearner did: before, after, and as if the images had never been there."""

from engine.unlearning.looks.confidence import Confidence
from engine.unlearning.looks.confusion import Confusion
from engine.unlearning.looks.embedding import Embedding
from engine.unlearning.looks.frontier import Frontier
from engine.unlearning.looks.judgment import Judged
from engine.unlearning.looks.membership import MembershipAttack
from engine.unlearning.looks.moved import WhatMoved, moved_masks
from engine.unlearning.looks.relearn import Relearn
from engine.unlearning.looks.similarity import Similarity
from engine.unlearning.looks.steps import Steps
from engine.unlearning.looks.still_there import StillThere

LOOKS = (
    Judged, Confidence, Confusion, MembershipAttack, Embedding, Similarity, WhatMoved, StillThere,
    Relearn, Steps, Frontier,
)  # fmt: skip

__all__ = [
    "LOOKS",
    "Confidence",
    "Confusion",
    "Embedding",
    "Frontier",
    "Judged",
    "MembershipAttack",
    "Relearn",
    "Similarity",
    "Steps",
    "StillThere",
    "WhatMoved",
    "moved_masks",
]
