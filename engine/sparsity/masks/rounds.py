"""Rounds: a pruned model pruned again. What an earlier round cut stays cut.

Shares and counts are against all weights, as iterative pruning has them (Han et al. 2015,
https://arxiv.org/abs/1506.02626), so that a round goes on where the one before it ended. Weights
keep the values that they have; rewinding them to an earlier step of training is no part of this.
"""

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.core.result import WeightScores
from engine.sparsity.masks.channels import Channels
from engine.sparsity.masks.units import Pool, pools
from engine.vision.models.bits import Bits
from engine.vision.models.classifier import Classifier
from engine.vision.weights.masks import Masks
from engine.vision.weights.parts import PrunableWeight

LOWEST = float(np.finfo(np.float32).min)  # the score of what is cut already
ROUND = "round"  # as a model's card has it


def rounds_of(model: Classifier) -> int:
    """How many rounds of pruning a model has behind it."""
    if not model.masks:
        return 0
    settings = json.loads(model.lineage.settings)
    result = settings.get(ROUND, 1) if isinstance(settings, dict) else 1
    return result if type(result) is int and result > 0 else 1


def held_row(earlier: Masks | None, prunable_weights: Sequence[PrunableWeight]) -> Bits | None:
    """One row over some parts, False where an earlier round cut; None before there was one."""
    if earlier is None:
        return None
    return np.concatenate([previous_mask(earlier, part).ravel() for part in prunable_weights])


def previous_mask(earlier: Masks, part: PrunableWeight) -> Bits:
    """What an earlier round left of a part; all where it did not look."""
    return (
        earlier.array(part.name) if part.name in earlier.starts else np.ones(part.shape, np.bool_)
    )


def lowered(
    scores: WeightScores, earlier: Masks, prunable_weights: Sequence[PrunableWeight], value: float
) -> WeightScores:
    """The scores with one value wherever an earlier round cut."""
    results = {
        part.name: np.where(
            previous_mask(earlier, part), scores.values[part.name], np.float32(value)
        )
        for part in prunable_weights
        if part.name in scores.values
    }
    return replace(scores, values={**scores.values, **results})


def pools_after(
    structure: str,
    prunable_weights: Sequence[PrunableWeight],
    scores: WeightScores,
    channels: Channels | None,
    earlier: Masks | None,
) -> tuple[Pool, ...]:
    """The units of every layer; those of which nothing is left come after all others."""
    plain = pools(structure, prunable_weights, scores, channels)
    if earlier is None:
        return plain
    left = {part.name: previous_mask(earlier, part).astype(np.float32) for part in prunable_weights}
    remaining = pools(structure, prunable_weights, WeightScores(left, "weight", "sum"), channels)
    # cut weights count 0 in a unit's pooled score, as zeros do by magnitude
    counted = pools(
        structure, prunable_weights, lowered(scores, earlier, prunable_weights, 0.0), channels
    )
    return tuple(
        # 0 would not be last where scores are signed, as GraSP's are
        replace(pool, values=np.where(some.values > 0, pool.values, np.float32(LOWEST)))
        for pool, some in zip(counted, remaining, strict=True)
    )


def still_cut(masks: Masks, earlier: Masks, row: Bits) -> Masks:
    """The masks without what an earlier round cut, also in the parts that are not chosen from.

    Args:
        masks: as chosen now.
        earlier: of the earlier round.
        row: the same over the parts of `masks`.
    """
    flat = masks.flat & row
    silent = dict(masks.silent)
    for name in earlier:
        if name not in masks.starts:
            before = earlier.array(name)
            silent[name] = before & silent[name] if name in silent else before
    removed_count = int(np.count_nonzero(masks.flat)) - int(np.count_nonzero(flat))
    note = (
        f"{removed_count:,} weights that this ratio would keep were cut in an earlier round and "
        "stay cut."
    )
    return Masks(masks.parts, flat, silent, (*masks.notes, note) if removed_count else masks.notes)
