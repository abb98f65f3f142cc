"""Which criteria give each layer its share, for the allocations that look at other scores."""

from engine.core.method import Method, Progress, quiet
from engine.core.result import WeightScores
from engine.core.run import answer
from engine.sparsity.criteria.grasp import Grasp
from engine.sparsity.criteria.snip import Snip
from engine.sparsity.method import SparsityMethod
from engine.vision.weights.case import PruneCase

OF_RATIO: dict[str, type[SparsityMethod]] = {"SNIP ratio": Snip, "GraSP ratio": Grasp}


def shares_of(allocation: str, case: PruneCase, progress: Progress = quiet) -> WeightScores | None:
    """The scores that give the layers their shares; None where the allocation needs none."""
    kind = OF_RATIO.get(allocation)
    return None if kind is None else scores_of(kind(), case, progress)


def scores_of(method: Method[PruneCase], case: PruneCase, progress: Progress) -> WeightScores:
    """The scores of a criterion, kept or computed now."""
    scores: WeightScores = answer(method, case, progress)["scores"]
    return scores
