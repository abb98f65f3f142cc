"""From scores to masks at any ratio, at once: scored once, then only a threshold moves.

The scores' values are sorted once. A ratio is then a place in the sorted row: whatever is above
the value there stays, and of equal ones those that come first, until the count is exact. So masks
of a higher ratio lie inside those of a lower one, and the same ratio gives the same masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.core.errors import BadSetting, BlindspotError
from engine.core.keeping.lazy import lazy
from engine.core.result import Floats, WeightScores
from engine.sparsity.masks.allocation import ALLOCATIONS, RATIOS, densities
from engine.sparsity.masks.channels import Channels, channels_of
from engine.sparsity.masks.rounds import LOWEST, held_row, lowered, pools_after, still_cut
from engine.sparsity.masks.units import STRUCTURES, Pool, best_of_each, masks_from
from engine.vision.models.bits import Bits
from engine.vision.models.classifier import Classifier
from engine.vision.weights.masks import Masks, masks_in
from engine.vision.weights.parts import PrunableWeight, prunable_parts


@dataclass(frozen=True)
class MaskRules:
    """How scores become masks, apart from the ratio.

    Args:
        allocation: one of ALLOCATIONS.
        structure: one of STRUCTURES.
        head: whether the last layer may be pruned too.
        only: names of the layers that may be pruned; all when left out.
        n, m: the pattern of the structure "N:M".
        least: units that every layer keeps, so that none collapses.
    """

    allocation: str = "global"
    structure: str = "weight"
    head: bool = False
    only: tuple[str, ...] | None = None
    n: int = 2
    m: int = 4
    least: int = 1

    def __post_init__(self) -> None:
        for word, known in ((self.allocation, ALLOCATIONS), (self.structure, STRUCTURES)):
            if word not in known:
                raise BadSetting(f"{word!r} is none of {', '.join(known)}.")
        if self.least < 0:
            raise BadSetting(f"A layer cannot keep {self.least} weights: choose 0 or more.")


class Pruner:
    """Masks of one model by one set of scores, at any ratio.

    Args:
        model: the classifier; only its structure is looked at, and the masks that it carries from
            an earlier round: what they cut stays cut.
        scores: of every weight that may be pruned, keep the largest; from a criterion of this
            family, or learned.
        rules: how they become masks.
        ratios: for the allocations in RATIOS, the scores that give each layer's share.
        note: what all these masks should say of their scores, if anything.

    Raises:
        DoesNotFit: the model has nothing that can be pruned so.
        BlindspotError: scores are missing, of another shape, or no numbers.
    """

    def __init__(
        self,
        model: Classifier,
        scores: WeightScores,
        rules: MaskRules | None = None,
        ratios: WeightScores | None = None,
        note: str = "",
    ) -> None:
        self.rules, self.note = rules or MaskRules(), note
        self.scores = scores
        self.parts: tuple[PrunableWeight, ...] = prunable_parts(
            model, head=self.rules.head, only=self.rules.only
        )
        structure = self.rules.structure
        self.channels: Channels | None = (
            channels_of(model) if structure in {"filter", "group"} else None
        )
        if (self.rules.allocation in RATIOS) != (ratios is not None):
            raise BadSetting("Layer ratios need scores of their own, and only they do.")
        self.held = masks_in(model)
        self._row = held_row(self.held, self.parts)
        self._pools: tuple[Pool, ...] = ()
        self._shares: tuple[Pool, ...] = ()
        if structure != "N:M":
            arguments = (structure, self.parts)
            self._pools = pools_after(*arguments, scores, self.channels, self.held)
            if ratios is not None:
                self._shares = pools_after(*arguments, ratios, self.channels, self.held)

    @property
    def nbytes(self) -> int:
        """Bytes of scores, units and their order, about: the order is made when it is used."""
        return 4 * sum(scores.nbytes for scores in self.scores.values.values())

    @property
    def units(self) -> int:
        """How many weights, filters, channels or groups are chosen from."""
        return sum(len(pool.values) for pool in self._pools)

    def at(self, ratio: float) -> Masks:
        """The masks that cut that share of the units, to the unit.

        With "global", round(ratio · units) are cut in all; with "per layer" and the rules each
        layer's count is its own share, rounded. The structure N:M has its ratio in the pattern,
        and looks at no other.

        Raises:
            BadSetting: the ratio is not in [0, 1), or the rule cannot meet it.
        """
        if not 0 <= ratio < 1:
            raise BadSetting(
                f"A share of {ratio:g} cannot be cut: choose 0 or more and less than 1, so that "
                "something is left of the model."
            )
        masks = self.patterned if self.rules.structure == "N:M" else self.chosen(ratio)
        if self.note:
            masks = replace(masks, notes=(*masks.notes, self.note))
        if self.held is None or self._row is None:
            return masks
        return still_cut(masks, self.held, self._row)

    @lazy
    def patterned(self) -> Masks:
        """N of every M, the same at any ratio."""
        scores = self.scores
        if self.held is not None:
            # of N in M, what was cut goes first; only then does the choice fall on what is there
            scores = lowered(scores, self.held, self.parts, LOWEST)
        return best_of_each(self.parts, scores, self.rules.n, self.rules.m)

    def chosen(self, ratio: float) -> Masks:
        """The masks at that ratio, whatever was cut before."""
        if self.rules.allocation == "global":
            chosen, notes = self._order.best(self.kept(ratio))
        else:
            counts, notes = self.counts(ratio)
            chosen = [row.best(count)[0][0] for row, count in zip(self._rows, counts, strict=True)]
        named = {pool.name: bits for pool, bits in zip(self._pools, chosen, strict=True)}
        return masks_from(self.rules.structure, self.parts, named, self.channels, notes)

    def kept(self, ratio: float) -> int:
        """How many units stay in all; the number cut is rounded as torch's pruning rounds it."""
        return self.units - round(ratio * self.units)

    def counts(self, ratio: float) -> tuple[list[int], list[str]]:
        """How many units stay in each pool by the rule, and what the guard had to say."""
        sizes = [len(pool.values) for pool in self._pools]
        match self.rules.allocation:
            case "per layer":
                targets = [size - round(ratio * size) for size in sizes]
            case "SNIP ratio" | "GraSP ratio":
                bits, _ = self._share_order.best(self.kept(ratio))
                targets = [int(np.count_nonzero(bit)) for bit in bits]
            case rule:
                shares = densities(rule, [pool.part for pool in self._pools], 1 - ratio, sizes)
                targets = [round(share * size) for share, size in zip(shares, sizes, strict=True)]
        least = self.rules.least
        clamped = [min(max(count, least), size) for count, size in zip(targets, sizes, strict=True)]
        saved = [
            pool.part.layer
            for pool, count, before in zip(self._pools, clamped, targets, strict=True)
            if count > before
        ]
        return clamped, guarded(saved)

    @lazy
    def _order(self) -> RankedUnits:
        return RankedUnits(self._pools, self.rules.least)

    @lazy
    def _share_order(self) -> RankedUnits:
        return RankedUnits(self._shares, self.rules.least)

    @lazy
    def _rows(self) -> tuple[RankedUnits, ...]:
        return tuple(RankedUnits((pool,), 0) for pool in self._pools)


class RankedUnits:
    """The units of some pools in one row, with their values sorted once."""

    def __init__(self, pools: Sequence[Pool], least: int) -> None:
        self.names = [pool.part.layer for pool in pools]
        self.ends = np.cumsum([len(pool.values) for pool in pools])[:-1]
        self.values: Floats = np.concatenate([pool.values for pool in pools])
        if not np.isfinite(self.values).all():
            raise BlindspotError("Some scores are no numbers: another criterion may fit.")
        starts = [0, *self.ends.tolist()]
        self.firsts = [
            [start + place for place in best_places(pool.values, least)]
            for start, pool in zip(starts, pools, strict=True)
        ]
        self.first = [place for some in self.firsts for place in some]
        # the scores before they are raised: the guard's note tells by them which layers it saved
        self.plain, self.bests = self.values[self.first], [pool.values.max() for pool in pools]
        if self.first:
            self.values[self.first] = np.inf  # the best of each layer stay whatever comes
        self.sorted: Floats = np.sort(self.values)

    def best(self, count: int) -> tuple[list[Bits], list[str]]:
        """The best so many units, pool by pool; of equal ones those that come first."""
        size, requested = len(self.values), count
        count = min(max(count, len(self.first)), size)
        if count == 0:
            bits = np.zeros(size, np.bool_)
            return np.split(bits, self.ends), []
        # a threshold on values sorted once: each further ratio costs one comparison and no sort
        edge = self.sorted[size - count]
        bits = self.values > edge
        missing = count - int(np.count_nonzero(bits))
        if missing:
            # ties at the edge by index, so that counts are exact and masks nested
            bits[np.flatnonzero(self.values == edge)[:missing]] = True
        return np.split(bits, self.ends), guarded(self.rescued(requested))

    def rescued(self, requested: int) -> list[str]:
        """The layers whose best is not among the best so many of all, where the guard keeps it."""
        if not self.first:
            return []
        others = self.sorted[: -len(self.first)]  # those that are not raised
        above = len(others) - np.searchsorted(others, self.bests, "right")
        above += np.count_nonzero(self.plain > np.array(self.bests)[:, None], axis=1)
        return [name for name, count in zip(self.names, above, strict=True) if count >= requested]


def best_places(values: Floats, count: int) -> list[int]:
    """Where the best few are; of equal ones those that come first."""
    if count <= 0:
        return []
    if count == 1:
        return [int(values.argmax())]
    return np.argsort(-values, kind="stable")[:count].tolist()


def guarded(layers: Sequence[str]) -> list[str]:
    """What the guard did, in a sentence, if anything."""
    if not layers:
        return []
    names = ", ".join(layers[:4]) + (f" and {len(layers) - 4} more" if len(layers) > 4 else "")
    return [f"The guard against collapse keeps the best of {names}: nothing would be left there."]
