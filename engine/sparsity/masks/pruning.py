"""The settings by which a model is pruned, shared by all methods that prune one."""

from abc import ABC
from dataclasses import dataclass, fields
from typing import Any

from engine.core.errors import DoesNotFit
from engine.core.method import Case, Choice, Progress, Slider, Switch, quiet, setting
from engine.sparsity.criteria.chance import Random
from engine.sparsity.criteria.grasp import Grasp
from engine.sparsity.criteria.learned import Learned
from engine.sparsity.criteria.magnitude import Magnitude
from engine.sparsity.criteria.shares import scores_of, shares_of
from engine.sparsity.criteria.snip import Snip
from engine.sparsity.criteria.synflow import SynFlow
from engine.sparsity.criteria.taylor import Taylor
from engine.sparsity.jackpot.criterion import Jackpot
from engine.sparsity.mask_llm.pattern import LearnedPattern
from engine.sparsity.masks.allocation import ALLOCATIONS
from engine.sparsity.masks.enforce import pruned
from engine.sparsity.masks.pruner import MaskRules, Pruner
from engine.sparsity.masks.rounds import rounds_of
from engine.sparsity.masks.units import PATTERNS, STRUCTURES
from engine.sparsity.method import SparsityMethod
from engine.vision.models.classifier import Classifier
from engine.vision.weights.case import PruneCase
from engine.vision.weights.masks import Masks
from engine.vision.weights.parts import prunable_parts

CRITERIA: tuple[type[SparsityMethod], ...] = (
    Magnitude,
    Random,
    Snip,
    Grasp,
    SynFlow,
    Taylor,
    Learned,
    Jackpot,
    LearnedPattern,
)
BY_TITLE = {kind.title: kind for kind in CRITERIA}


@dataclass(frozen=True)
class Cutting(SparsityMethod, ABC):
    """What is cut: by which criterion, where and in which pieces; how much is left open."""

    criterion: str = setting(
        "Magnitude", Choice(tuple(BY_TITLE)), "Criterion", "What makes a weight count."
    )
    allocation: str = setting(
        "global",
        Choice(ALLOCATIONS),
        "Between layers",
        "How many weights each layer keeps. SNIP ratio and GraSP ratio take the shares that SNIP "
        "and GraSP give the weights as they are here, of a trained model its trained ones; their "
        "papers score the weights before training.",
    )
    structure: str = setting(
        "weight",
        Choice(STRUCTURES),
        "Pieces",
        "What is cut as a whole: weights, filters, input channels, channels wherever they go "
        "(group), or all but N of every M (then the pattern is the ratio).",
    )
    pattern: str = setting(
        "2:4", Choice(PATTERNS), "Pattern", "N of M weights in a row stay; for the pieces N:M only."
    )
    head: bool = setting(
        False, Switch(), "Head too", "Prune the last layer, which gives the logits, as well."
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        if reason := super().unmet(case):
            return reason
        if isinstance(case, PruneCase) and all(
            p.role == "head" for p in prunable_parts(case.model)
        ):
            return "it needs a layer besides the head that can be pruned, and this model has none."
        return ""

    @property
    def rules(self) -> MaskRules:
        """The rules in words of the engine."""
        n, m = (int(word) for word in self.pattern.split(":"))
        return MaskRules(self.allocation, self.structure, self.head, n=n, m=m)

    def pruner(self, case: PruneCase, progress: Progress = quiet) -> Pruner:
        """Masks at any ratio; the scores are computed once and kept."""
        return pruner_of(case, self.criterion, self.rules, progress)

    @property
    def searches(self) -> bool:
        """Whether the criterion searches for one ratio, so that another needs other scores."""
        return "ratio" in searched_settings(BY_TITLE[self.criterion])

    def summary(self, masks: Masks, number: int = 1) -> str:
        """The title of a model pruned so in that round, which stands after its parent's."""
        how_much = self.pattern if self.structure == "N:M" else f"{100 * masks.sparsity:.1f} % cut"
        round_words = f" · round {number}" if number > 1 else ""
        return f"{how_much} · {self.criterion}{round_words}"

    def made(self, case: PruneCase, masks: Masks) -> Classifier:
        """The pruned copy."""
        return pruned(case.model, masks, self.summary(masks, rounds_of(case.model) + 1))


@dataclass(frozen=True)
class Pruning(Cutting, ABC):
    """What is cut, and how much."""

    ratio: float = setting(
        0.8, Slider(0.0, 0.995, 0.005), "Ratio", "The share of weights (or pieces) that is cut."
    )

    @property
    def scoring(self) -> SparsityMethod:
        """The criterion as it is asked for this cut."""
        return criterion_of(self.criterion, self.rules, self.ratio)

    def masks(self, case: PruneCase, progress: Progress = quiet) -> Masks:
        """The masks of these settings."""
        return pruner_of(case, self.criterion, self.rules, progress, self.ratio).at(self.ratio)


def pruner_of(
    case: PruneCase,
    criterion: str,
    rules: MaskRules,
    progress: Progress = quiet,
    ratio: float | None = None,
) -> Pruner:
    """A pruner from the kept scores of a criterion; they are computed when nobody has asked yet.

    Args:
        case: model, data and seed.
        criterion: its title.
        rules: how scores become masks.
        progress: of the computing.
        ratio: at which the pruner will cut, for a criterion that searches for one ratio; at
            another one its masks are not what a search there would find.
    """
    scoring = criterion_of(criterion, rules, ratio)
    scores = scores_of(scoring, case, progress)
    shares = shares_of(rules.allocation, case, progress)
    return Pruner(case.model, scores, rules, shares, note=scoring.limits(rules))


def criterion_of(title: str, rules: MaskRules, ratio: float | None = None) -> SparsityMethod:
    """A criterion as it is asked for a cut.

    Most score a weight whatever is cut. One that searches for the mask of a cut has settings of
    the cut's own names, such as the ratio, and gets the cut's values for them. Where nothing is cut
    there is nothing to search for, and magnitude gives the same mask.

    Raises:
        DoesNotFit: it cannot search for such a cut.
    """
    kind = BY_TITLE[title]
    if reason := unsearchable(title, rules):
        raise DoesNotFit(reason)
    if ratio == 0 and "ratio" in searched_settings(kind):
        return Magnitude()
    cut: dict[str, Any] = {
        "ratio": ratio,
        "allocation": rules.allocation,
        "structure": rules.structure,
        "pattern": f"{rules.n}:{rules.m}",
        "head": rules.head,
    }
    return kind(**{name: cut[name] for name in searched_settings(kind) if cut[name] is not None})


def unsearchable(title: str, rules: MaskRules) -> str:
    """Why a criterion cannot search for a cut by these rules, in a sentence, or ""."""
    if rules.structure != "N:M" or "ratio" not in searched_settings(BY_TITLE[title]):
        return ""
    return (
        f"{title} searches at a ratio, and weight by weight: it knows no pattern of N in every M. "
        f"Choose other pieces, or another criterion such as {LearnedPattern.title}."
    )


def searched_settings(kind: type[SparsityMethod]) -> frozenset[str]:
    """Which settings of a cut a criterion searches for; none where it scores for all cuts."""
    cut = {spec.name for spec in fields(Pruning)} - {"criterion"}
    return frozenset(cut & {spec.name for spec in fields(kind)})
