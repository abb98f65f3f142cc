"""The greedy search from both ends, over whatever can be looked at as sets of regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import nan

import torch
from torch import Tensor

from engine.core.method import Progress, quiet


@dataclass(frozen=True)
class Terms:
    """The terms of F for some sets, (n,) each.

    Args:
        consistency: p of the target with only the set shown.
        collaboration: 1 − p of the target with the set hidden.
        confidence: 1 − entropy with only the set shown, as a share of the highest.
        first: p of the class that the model sees in the whole image, with the set shown and with
            it hidden, (n, 2); it is no term of F.
    """

    consistency: Tensor
    collaboration: Tensor
    confidence: Tensor
    first: Tensor | None = None

    def row(self, place: int) -> SubsetScore:
        """What was seen of one set."""
        first = (nan, nan) if self.first is None else self.first[place].tolist()
        return SubsetScore(
            float(self.consistency[place]), 1 - float(self.collaboration[place]), *first
        )


@dataclass(frozen=True)
class SubsetScore:
    """One set that was looked at: p with it shown and hidden, of the target and the first class."""

    shown: float
    hidden: float
    first_shown: float
    first_hidden: float


Look = Callable[[Tensor], Terms]  # sets (n, m) bool to their terms


@dataclass(frozen=True)
class Weights:
    """λ of the four terms."""

    consistency: float
    collaboration: float
    confidence: float
    effectiveness: float

    def of(self, parts: Terms, effectiveness: Tensor) -> Tensor:
        """F, (n,)."""
        return (
            self.consistency * parts.consistency
            + self.collaboration * parts.collaboration
            + self.confidence * parts.confidence
            + self.effectiveness * effectiveness
        )


@dataclass
class SubsetSearch:
    """The order that was found, and what was seen on the way.

    Args:
        first: S⁺, the most important first.
        last: S⁻, the least important first.
        seen: the first k regions of S⁺, one row for each k that was looked at.
        back: the same of S⁻.
        looks: pairs of looks (a set shown, a set hidden).
    """

    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    seen: list[SubsetScore] = field(default_factory=list)
    back: list[SubsetScore] = field(default_factory=list)
    looks: int = 0

    @property
    def order(self) -> list[int]:
        """All regions, the most important first."""
        return [*self.first, *reversed(self.last)]


def search(
    look: Look, distances: Tensor, weights: Weights, pending: int, progress: Progress = quiet
) -> SubsetSearch:
    """Order m regions from both ends.

    Args:
        look: the terms of sets.
        distances: δ between regions, (m, m).
        weights: λ.
        pending: p, how many of the least promising are looked at for the other end.
        progress: told after each round.
    """
    count = len(distances)
    result, remaining = SubsetSearch(), list(range(count))
    while remaining:
        # nothing to compare it with: its place is known without a look
        if len(remaining) == 1:
            result.first.append(remaining.pop())
            progress(1.0, "ordering regions")
            break
        terms = look(grown(result.first, remaining, count))
        result.looks += len(remaining)
        best = int(weights.of(terms, effectiveness(result.first, remaining, distances)).argmax())
        result.first.append(remaining[best])
        result.seen.append(terms.row(best))
        if len(remaining) > pending:
            # as in the authors' code, no new looks: the terms are of S⁺ ∪ {α}, s_eff of S⁻ ∪ {α}
            last_scores = weights.of(terms, effectiveness(result.last, remaining, distances))
            picked = last_scores.argsort(stable=True)[:pending].tolist()
            # with many pending, the region that S⁺ has just got can be among the poorest
            waiting = [remaining[place] for place in picked if place != best]
            remaining.pop(best)
            if waiting:
                worst = backwards(look, result, waiting, distances, weights, count)
                remaining.remove(worst)
        else:
            remaining.pop(best)
        progress(1 - len(remaining) / len(distances), "ordering regions")
    return result


def backwards(
    look: Look,
    subset_search: SubsetSearch,
    waiting: list[int],
    distances: Tensor,
    weights: Weights,
    count: int,
) -> int:
    """The waiting region that joins S⁻: with the lowest F of S⁻ and it."""
    terms = look(grown(subset_search.last, waiting, count))
    subset_search.looks += len(waiting)
    least = int(weights.of(terms, effectiveness(subset_search.last, waiting, distances)).argmin())
    subset_search.last.append(waiting[least])
    subset_search.back.append(terms.row(least))
    return waiting[least]


def grown(members: Sequence[int], candidates: Sequence[int], count: int) -> Tensor:
    """The held set with each candidate in turn, (n, m) bool."""
    sets = torch.zeros(len(candidates), count, dtype=torch.bool)
    sets[:, list(members)] = True
    sets[torch.arange(len(candidates)), torch.tensor(list(candidates))] = True
    return sets


def effectiveness(members: Sequence[int], candidates: Sequence[int], distances: Tensor) -> Tensor:
    """s_eff of the held set with each candidate, (n,)."""
    if not members:
        return torch.zeros(len(candidates))
    inside = list(members)
    within = distances[inside][:, inside].clone()
    within.fill_diagonal_(float("inf"))
    to_new = distances[inside][:, list(candidates)]  # (held, n)
    # the candidate may be a held region's new nearest; the last term is the candidate's own
    return torch.minimum(within.amin(1)[:, None], to_new).sum(0) + to_new.amin(0)


def naive_looks(count: int) -> int:
    """Forward passes of the plain greedy search, its last, free step left out."""
    # 2 (m + … + 2): each round shows and hides every region that is left
    return count * (count + 1) - 2
