"""What a search found, as views: map, curves, areas, and how probable the target became."""

from collections.abc import Sequence

import numpy as np
import torch

from engine.attribution.lima.search import SubsetScore, SubsetSearch
from engine.attribution.lima.seeing import TINY, Seeing
from engine.core.errors import BlindspotError
from engine.core.result import Curve, Floats, HeatMap, Scores, Table, View

NEVER = 1e-6  # a probability that is nowhere higher is none
STILL = 1e-6  # a spread of probabilities that is float noise
WITHIN = (0.25, 0.5, 0.75, 1.0)  # shares of the image


def views_of(seeing: Seeing, search: SubsetSearch) -> dict[str, View]:
    """The order as a map, curves and areas.

    Raises:
        BlindspotError: the target's probability never moves, so that the order says nothing.
    """
    case, partition, target = seeing.case, seeing.partition, seeing.case.target.index
    labels = case.model.labels
    sizes = np.bincount(partition.labels.flatten().numpy(), minlength=partition.count)
    order = np.array(search.order)
    area = np.concatenate([[0], np.cumsum(sizes[order]) / sizes.sum()]).astype(np.float32)
    insertion, deletion = probability_curves(
        search, end_probabilities(seeing, target), "shown", "hidden"
    )
    refuse_still(np.concatenate([insertion, deletion]), labels[target])
    first_shown, first_hidden = probability_curves(
        search, end_probabilities(seeing, seeing.first), "first_shown", "first_hidden"
    )
    areas = [float(np.trapezoid(curve, area)) for curve in (insertion, deletion)]

    def curve(values: Floats, label: str) -> Curve:
        return Curve(area, values, "share of the image", label, "probability")

    return {
        **maps(seeing, order, insertion, deletion),
        "insertion": curve(insertion, labels[target]),
        "deletion": curve(deletion, labels[target]),
        "insertion of the first class": curve(first_shown, labels[seeing.first]),
        "deletion of the first class": curve(first_hidden, labels[seeing.first]),
        "areas": Scores(np.array(areas, np.float32), ("insertion", "deletion"), "probability"),
        "highest": highest(area, insertion),
        "order": Table.of({"region": (order, ""), "pixels": (sizes[order], "px")}),
    }


def maps(seeing: Seeing, order: np.ndarray, shown: Floats, hidden: Floats) -> dict[str, View]:
    """How much is still to change after each region, and its step.

    The authors' map (`tools/assigned_value.py`): it falls along the order by how much each step
    changes p shown plus 1 − p hidden, here drawn from 1 for the first region to 0 for the last.
    """
    partition = seeing.partition
    changed = np.cumsum(np.abs(np.diff(shown - hidden)))
    remaining_share = np.empty(partition.count, np.float32)
    remaining_share[order] = (changed[-1] - changed) / max(changed[-1] - changed[0], TINY)
    # where the first step alone changes anything, the quotient is 0 for it too
    remaining_share[order[0]] = 1
    rank = np.empty(partition.count, np.int64)
    rank[order] = np.arange(partition.count)
    share_map = partition.values(torch.from_numpy(remaining_share)).numpy()
    rank_map = partition.values(torch.from_numpy(rank).float()).numpy()
    return {
        "map": HeatMap(share_map, "share of the change to come", signed=False),
        "rank": HeatMap(rank_map, "step", signed=False),
    }


def end_probabilities(seeing: Seeing, label: int) -> tuple[float, float]:
    """p of a class with nothing shown, and with everything."""
    nothing, everything = seeing.ends[:, label].tolist()
    return nothing, everything


def probability_curves(
    search: SubsetSearch, ends: tuple[float, float], shows: str, hides: str
) -> tuple[Floats, Floats]:
    """p with the first k regions shown, and hidden, k = 0 … m, (m + 1,) each.

    Where the order was filled from the back, the first k shown are all but S⁻'s: there p without
    S⁻ is what was seen, and the other way round.
    """
    nothing, everything = ends
    insertion = [
        nothing,
        *column_values(search.seen, shows),
        *reversed(column_values(search.back, hides)),
    ]
    deletion = [
        everything,
        *column_values(search.seen, hides),
        *reversed(column_values(search.back, shows)),
    ]
    count = len(search.order)
    return (
        np.array([*insertion[:count], everything], np.float32),
        np.array([*deletion[:count], nothing], np.float32),
    )


def column_values(rows: Sequence[SubsetScore], name: str) -> list[float]:
    """One number of every row."""
    return [getattr(row, name) for row in rows]


def highest(area: Floats, probabilities: Floats) -> Table:
    """The highest p with at most so much of the image shown, and how much that was; NaN where the
    first region alone is larger.
    """
    results = []
    for share in WITHIN:
        inside = np.flatnonzero((area <= share) & (area > 0))
        best = inside[probabilities[inside].argmax()] if len(inside) else None
        results.append((np.nan, np.nan) if best is None else (probabilities[best], area[best]))
    rows = tuple(f"within {100 * share:.0f} % of the image" for share in WITHIN)
    values = np.array(results, np.float32)
    return Table.grid(values, rows, ("highest probability", "with"), ("probability", "share"))


def refuse_still(probabilities: Floats, label: str) -> None:
    """Raise BlindspotError where the order would be made of float noise."""
    if probabilities.max() <= NEVER:
        raise BlindspotError(
            f"The model never gives “{label}” a probability above {NEVER:g}, whichever regions it "
            "sees, so they cannot be put in order by it: ask about another class."
        )
    if np.ptp(probabilities) < STILL:
        raise BlindspotError(
            f"The probability of “{label}” is {probabilities[0]:.3g} whichever regions the model "
            "sees: it does not look at this image, and no region comes before another."
        )
