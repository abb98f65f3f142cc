"""Learned: scores that a search has found, brought along as a file.

Criteria here are formulas; a search (such as Lottery Jackpots, BiP or one of your own) trains a
score for each weight instead. Whatever it found is cut by the same rules: keep the largest.
"""

from dataclasses import dataclass

from engine.core.errors import DoesNotFit
from engine.core.method import Case, Progress, quiet
from engine.core.result import Result
from engine.sparsity.method import SparsityMethod
from engine.vision.weights.case import PruneCase

NEEDED = "it needs scores that a search has learned: open a file of them (.npz)."


@dataclass(frozen=True)
class Learned(SparsityMethod):
    """A weight counts as much as a search elsewhere has found; the scores come as a file.

    The higher the score, the longer the weight stays. The scores of several weights become one for
    a filter or channel as their mean. Nothing is learned here.
    """

    name = "Learned"
    title = "Learned"
    cost = "live"
    proof = (
        "tests/engine/sparsity/test_scores.py"
        "::test_a_file_of_magnitudes_gives_the_masks_of_magnitude"
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        if reason := super().unmet(case):
            return reason
        return NEEDED if isinstance(case, PruneCase) and case.learned is None else ""

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: scores, as the file has them."""
        if case.learned is None:
            raise DoesNotFit(f"{self.title}: {NEEDED}")
        progress(1.0, "read the scores")
        return {"scores": case.learned}
