"""What is kept or cut as a whole: a weight, a filter, an input channel, or a channel everywhere.

Each structure turns scores of weights into scores of units, and a choice of units back into masks:

- weight: each by itself.
- filter: a row of a layer's weight, all that makes one output channel (dim 0).
- channel: a column, all that reads one input channel (dim 1). The image's own channels and those
  of depthwise convolutions are left out.
- group: a channel wherever it goes: the filters that make it in every layer that a sum couples,
  and whatever reads it. Only these can be taken out of the network for good.
- N:M: the N best of every M weights that follow each other along the inputs.

The head's rows are the classes, so that filters of the head are never cut.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadSetting, BlindspotError, DoesNotFit
from engine.core.result import Floats, WeightScores
from engine.sparsity.masks.channels import Channels
from engine.vision.models.bits import Bits
from engine.vision.weights.masks import Masks
from engine.vision.weights.parts import PrunableWeight

ScalarT = TypeVar("ScalarT", bound=np.generic)

STRUCTURES = ("weight", "filter", "channel", "group", "N:M")
PATTERNS = ("2:4", "1:4", "1:2", "4:8", "1:8", "1:16")  # that are offered


@dataclass(frozen=True, eq=False)
class Pool:
    """The units of one layer (of one set of coupled layers for "group") among which is chosen."""

    name: str  # of the part, or of the first of the coupled ones
    values: Floats  # (units,) scores, keep the largest
    part: PrunableWeight  # whose shape the rules look at
    weights: int  # in one unit


def pools(
    structure: str, parts: Sequence[PrunableWeight], scores: WeightScores, channels: Channels | None
) -> tuple[Pool, ...]:
    """The units of every layer that has any. Raises DoesNotFit when none has."""
    results: list[Pool] = []
    match structure:
        case "weight":
            results = [Pool(p.name, values(scores, p).ravel(), p, 1) for p in parts]
        case "filter":
            for part in parts:
                if part.role != "head":
                    rows = values(scores, part).reshape(part.filters, -1)
                    results.append(
                        Pool(part.name, pooled(rows, scores.pooling), part, rows.shape[1])
                    )
        case "channel":
            for part in parts:
                # the first layer reads colors; with groups a column is of several inputs
                if part.role != "first" and part.groups == 1:
                    columns = by_input(values(scores, part))
                    results.append(
                        Pool(part.name, pooled(columns, scores.pooling), part, columns.shape[1])
                    )
        case "group":
            results = list(group_pools(parts, scores, require_channels(channels)))
        case _:
            raise BadSetting(f"There is no structure {structure!r}.")
    if not results:
        raise DoesNotFit(f"No layer that was chosen has anything to cut as a {structure}.")
    return tuple(results)


def group_pools(
    parts: Sequence[PrunableWeight], scores: WeightScores, channels: Channels
) -> tuple[Pool, ...]:
    """One pool for each set of coupled channels that can be taken out."""
    known = {part.name: part for part in parts}
    results = []
    for space in channels.spaces:
        makers = [name for name in space.makers if name in known]
        if not makers or len(makers) < len(space.makers):
            continue  # a maker that was not chosen keeps the channel alive
        pieces = [
            values(scores, known[n]).reshape(known[n].filters, -1)[space.rows[n]] for n in makers
        ]
        rows = np.concatenate(pieces, axis=1)
        results.append(
            Pool(makers[0], pooled(rows, scores.pooling), known[makers[0]], rows.shape[1])
        )
    return tuple(results)


def masks_from(
    structure: str,
    parts: Sequence[PrunableWeight],
    chosen: Mapping[str, Bits],
    channels: Channels | None,
    notes: Sequence[str] = (),
) -> Masks:
    """Masks of whole parts from the units that stay, by their pool's name."""
    flat = np.ones(sum(part.size for part in parts), np.bool_)
    views = part_views(flat, parts)
    if structure == "group":
        cut_groups(views, chosen, require_channels(channels))
    for name, row in views.items():
        match structure if name in chosen else "":
            case "weight":
                row.reshape(-1)[:] = chosen[name]
            case "filter":
                row[~chosen[name]] = False
            case "channel":
                by_input_view(row)[~chosen[name]] = False
    silent = {}
    if structure in {"filter", "group"}:
        silent = require_channels(channels).silenced(views)
    return Masks(tuple(parts), flat, silent, tuple(notes))


def cut_groups(views: dict[str, Bits], chosen: Mapping[str, Bits], channels: Channels) -> None:
    """Cut channels wherever they go: the rows that make them and the columns that read them."""
    for space in channels.spaces:
        if space.makers[0] not in chosen:
            continue
        cut = ~chosen[space.makers[0]]
        for name in space.makers:
            if name in views:
                views[name][space.rows[name][cut]] = False
        for name, place in space.readers:
            if name in views:
                by_input_view(views[name])[np.isin(place, np.flatnonzero(cut))] = False


def part_views(flat: Bits, parts: Sequence[PrunableWeight]) -> dict[str, Bits]:
    """Each part's stretch of a row, in its shape, open to writing."""
    result, start = {}, 0
    for part in parts:
        result[part.name] = flat[start : start + part.size].reshape(part.shape)
        start += part.size
    return result


def best_of_each(parts: Sequence[PrunableWeight], scores: WeightScores, n: int, m: int) -> Masks:
    """The n best of every m weights that follow each other along the inputs.

    Layers whose inputs cannot be parted into groups of m stay whole, and are named in the notes.

    Raises:
        BadSetting: n is not below m.
        DoesNotFit: no layer can be parted.
    """
    if not 1 <= n < m:
        raise BadSetting(f"{n}:{m} is no pattern: keep at least 1 and fewer than {m} of {m}.")
    flat = np.ones(sum(part.size for part in parts), np.bool_)
    views = part_views(flat, parts)
    unfit_layers = [part.layer for part in parts if not fits_pattern(part, m)]
    if len(unfit_layers) == len(parts):
        raise DoesNotFit(f"No layer's inputs can be parted into groups of {m}.")
    for part in parts:
        if fits_pattern(part, m):
            rows = along_inputs(values(scores, part))
            groups = rows.reshape(-1, m)
            # stable: of equal scores the first stay, and always exactly n
            order = np.argsort(-groups, axis=1, kind="stable")[:, :n]
            bits = np.zeros(groups.shape, np.bool_)
            np.put_along_axis(bits, order, values=True, axis=1)
            views[part.name][:] = from_inputs(bits.reshape(rows.shape), part)
    notes = []
    if unfit_layers:
        names = ", ".join(unfit_layers[:4]) + (" …" if len(unfit_layers) > 4 else "")
        notes.append(f"Whole stay {names}: their inputs cannot be parted into groups of {m}.")
    return Masks(tuple(parts), flat, {}, tuple(notes))


def fits_pattern(part: PrunableWeight, m: int) -> bool:
    """Whether a part's inputs can be parted into groups of m."""
    return part.shape[1] % m == 0


def along_inputs(array: NDArray[ScalarT]) -> NDArray[ScalarT]:
    """A weight with its inputs last: (out, in), or (out, height, width, in)."""
    # input channels last, since a matrix product adds up along them: groups must lie there
    turned = array if array.ndim == 2 else array.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(turned)


def from_inputs(bits: Bits, part: PrunableWeight) -> Bits:
    """Bits with the inputs last, back in the weight's own shape."""
    return bits if len(part.shape) == 2 else bits.transpose(0, 3, 1, 2)


def values(scores: WeightScores, part: PrunableWeight) -> Floats:
    """The scores of one part. Raises BlindspotError when there are none, or they are no numbers."""
    if part.name not in scores.values:
        raise BlindspotError(f"There are no scores of {part.name}.")
    result = scores.values[part.name]
    if result.shape != part.shape:
        raise BlindspotError(f"The scores of {part.name} are {result.shape}, not {part.shape}.")
    return result


def by_input(array: Floats) -> Floats:
    """(in, everything else)."""
    return np.ascontiguousarray(np.moveaxis(array, 1, 0)).reshape(array.shape[1], -1)


def by_input_view(bits: Bits) -> Bits:
    """The same bits with the inputs first; a view."""
    return np.moveaxis(bits, 1, 0)


def pooled(rows: Floats, pooling: str) -> Floats:
    """One score for each row (units, weights)."""
    match pooling:
        case "l2":
            # root mean square: a plain norm would favor units of large layers when all compete
            square = np.einsum("ij,ij->i", rows, rows, dtype=np.float64) / rows.shape[1]
            return np.sqrt(square).astype(np.float32)
        case "sum":
            return rows.sum(1, dtype=np.float64).astype(np.float32)
        case _:
            return rows.mean(1, dtype=np.float64).astype(np.float32)


def require_channels(channels: Channels | None) -> Channels:
    """The way of the channels, which whoever cuts groups must have followed."""
    if channels is None:
        raise DoesNotFit("Groups need the way of the channels through the network.")
    return channels
