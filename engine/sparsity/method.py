"""What every method of this family is asked about, and the settings that several share."""

from abc import ABC
from dataclasses import dataclass
from typing import ClassVar

from engine.core.errors import BlindspotError
from engine.core.method import Case, Method
from engine.sparsity.masks.pruner import MaskRules
from engine.vision.models.classifier import Classifier
from engine.vision.weights.case import PruneCase
from engine.vision.weights.parts import prunable_parts


@dataclass(frozen=True)
class SparsityMethod(Method[PruneCase], ABC):
    """A method that is asked about a model with a convolution or a linear layer, and its data."""

    family: ClassVar[str] = "sparsity"

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        if (reason := super().unmet(case)) or not isinstance(case, PruneCase):
            return reason
        return lacks_parts(case.model)

    @classmethod
    def limits(cls, rules: MaskRules) -> str:
        """Why its scores say little when they are cut by these rules, in a sentence, or ""."""
        del rules
        return ""


def lacks_parts(model: Classifier) -> str:
    """Why a model cannot be pruned, or ""."""
    if reason := model.lacks("one of many"):
        return reason
    try:
        prunable_parts(model)
    except BlindspotError:
        return "it needs a convolution or a linear layer, and this model has none."
    return ""


def unlearnable(case: Case) -> str:
    """Why nothing can be learned from a case's data, or ""."""
    if isinstance(case, PruneCase) and not len(case.data.rows("train")):
        return f"it needs images to learn from, and {case.data.card.title} has none."
    return ""
