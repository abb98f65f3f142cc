"""The metrics of the study, the ranking in each, and the paper's conclusions held against them.

The paper finds occlusion, Grad-CAM and LIME the most interpretable and reliable, none of high
resolution, LIME and occlusion dear and Grad-CAM cheap. "Reliable" is taken here as the mean rank in
what says whether a map is right (pointing game, AUC-MoRF, max-sensitivity), cost as forward passes,
which are the same on every computer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.attribution.study.methods import EVERY, TITLES
from engine.core.result import Table
from engine.evaluation.maps.own_map import OwnMap
from engine.evaluation.measures.ranks import ranks

if TYPE_CHECKING:
    from engine.attribution.study.measure import MapMeasurement


SCORE, COSINE, DICE = "AUC-MoRF", "cross-label cosine", "Dice"


@dataclass(frozen=True)
class Metric:
    """One column of the study.

    Args:
        name: of the column.
        plainly: what it says, in two or three words.
        unit: of its numbers.
        better: 1 where high is good, −1 where low is, 0 where neither is.
        about: what it says, in a sentence for a person.
    """

    name: str
    plainly: str
    unit: str
    better: int
    about: str

    def of(self, rows: Sequence[MapMeasurement]) -> Iterator[float]:
        """Its number in each row; NaN where there is none."""
        return (row.figures.get(self.name, float("nan")) for row in rows)

    def text(self, value: float) -> str:
        """A figure as a person reads it; of seconds, the multiple of the fastest method's."""
        match self.unit:
            case "bytes" | "images":
                text = f"{value:,.0f}"
            case "s":
                text = f"{value:,.0f} ×" if value >= 9.5 else f"{value:.1f} ×"
            case "share" if self.name != SCORE:
                text = f"{100 * value:.0f} %"
            case _:
                text = f"{value:.2f}".removeprefix("-" if round(value, 2) == 0 else "")
        return text.replace("-", "−")


METRICS = (
    Metric(
        "pointing game", "points at it", "share", 1,
        "how often the map's highest value lies on the thing it was asked about",
    ),
    Metric(
        "relevance mass", "mass on it", "share", 1,
        "the share of all positive values that lies on the thing",
    ),
    Metric(
        "relevance rank", "strongest on it", "share", 1,
        "of as many strongest pixels as the thing has, the share that lies on it",
    ),
    Metric(
        DICE, "outline meets it", "", 1,
        "how far the outline of the map and the thing agree: cut by one rule (multi-Otsu), a map "
        "of the model's own by its own",
    ),
    Metric(
        SCORE, "score left", "share", -1,
        "how much of the score is left on average while the strongest blocks are covered first; "
        "below 0 where an image with some blocks covered scores lower than one covered whole",
    ),
    Metric(
        "max-sensitivity", "instability", "", -1,
        "how much the map changes, as a share of itself, when the image changes invisibly",
    ),
    Metric(
        "PNG size", "size", "bytes", -1,
        "bytes of the map as a gray picture: small is simple to read",
    ),
    Metric(
        COSINE, "label does not matter", "cosine", -1,
        "how alike the maps of two labels of one image are: near 1, the label does not matter",
    ),
    Metric(
        "passes", "cost", "images", -1,
        "images through the network for one map, changes not counted",
    ),
    Metric(
        "seconds", "time", "s", -1, "seconds for one map, on the computer that made this study"
    ),
    Metric(
        "area share", "area share", "share", 0,
        "the thing's share of the image, which chance gives",
    ),
)  # fmt: skip
NAMED = {metric.name: metric for metric in METRICS}
SOME = (DICE,)  # which a study has where the model has a map of its own
RELIABLE = ("pointing game", SCORE, "max-sensitivity")
COSINE_GAP = 0.2  # of the cosines of guided backpropagation and Grad-CAM
POINTING_SHARE = 0.7  # pointing game of the three that the paper trusts


def rank_values(values: np.ndarray, better: int) -> np.ndarray:
    """Ranks from 1 for the best; equal ones share the mean of theirs; NaN stays NaN."""
    result = np.full(len(values), np.nan)
    is_finite = np.isfinite(values)
    result[is_finite] = ranks(-better * values[is_finite])
    return result


def study_metrics(table: Table) -> tuple[Metric, ...]:
    """The metrics that a study has."""
    return tuple(metric for metric in METRICS if metric.name in table.order)


def ranked(table: Table) -> Table:
    """The rank of each method in each metric, and the mean rank of what says it is reliable."""
    positions = [at for at, name in enumerate(table.rows) if name in EVERY]
    columns: dict[str, tuple[np.ndarray, str]] = {
        metric.name: (rank_values(np.asarray(table[metric.name])[positions], metric.better), "rank")
        for metric in study_metrics(table)
        if metric.better
    }
    mean_ranks = np.mean([columns[name][0] for name in RELIABLE], axis=0)
    columns["reliability"] = mean_ranks, "mean rank"
    return Table.of(columns, [table.rows[at] for at in positions])


def first_of_ten(table: Table) -> list[str]:
    """The three most reliable of the paper's ten methods, ranked without any that it never had."""
    ten_rows = table.take([at for at, name in enumerate(table.rows) if name in TITLES])
    ranks = ranked(ten_rows)
    return lowest_names(ranks.rows, ranks["reliability"], 3)


def claims(table: Table) -> Table:
    """The paper's conclusions and the sheet's bands: 1 where ours agree, 0 where not, NaN unasked.

    Notes say what was found.
    """
    results = [(words, *judge(table)) for words, judge in CLAIMS]
    return Table.of(
        {"agrees": ([agrees for _, agrees, _ in results], "")},
        [words for words, _, _ in results],
        [note for _, _, note in results],
    )


Judged = tuple[float, str]
UNASKED: Judged = (float("nan"), "These methods are not all in this study.")


def has(table: Table, *names: str) -> bool:
    """Whether all of them are in the table with figures."""
    return all(name in table.rows and table.cell(name, "maps") > 0 for name in names)


def lowest_names(names: Sequence[str], values: np.ndarray, count: int) -> list[str]:
    """The names of the lowest few values, lowest first."""
    return [names[at] for at in np.argsort(values, kind="stable")[:count]]


def by_reliability(table: Table) -> list[str]:
    """Methods from the most reliable, then the rows that are not ranked, such as a random order."""
    ranks = ranked(table)
    mean_ranks = np.where(np.isfinite(ranks["reliability"]), ranks["reliability"], np.inf)
    leaders = lowest_names(ranks.rows, mean_ranks, len(ranks.rows))
    return [*leaders, *(row for row in table.rows if row not in leaders)]


def join_names(names: Sequence[str]) -> str:
    """Names in a row, as a person reads them."""
    return ", ".join(EVERY[name] for name in names)


TRUSTED = ("Occlusion", "GradCam", "Lime")


def reliable(table: Table) -> Judged:
    """Whether the three that the paper trusts come first by mean rank."""
    if not has(table, *TITLES):
        return UNASKED
    first = first_of_ten(table)
    hits = len(set(first) & set(TRUSTED))
    return float(hits == len(TRUSTED)), f"First here: {join_names(first)}; {hits} of its three."


def pointed(table: Table) -> Judged:
    """Whether the three find the thing at least as often as the sheet asks."""
    if not has(table, *TRUSTED):
        return UNASKED
    shares = {name: table.cell(name, "pointing game") for name in TRUSTED}
    shares_text = ", ".join(f"{TITLES[name]} {100 * share:.0f} %" for name, share in shares.items())
    area_share = table.cell("Occlusion", "area share")
    return float(
        min(shares.values()) >= POINTING_SHARE
    ), f"{shares_text}; chance {100 * area_share:.0f} %."


def dear(table: Table) -> Judged:
    """Whether LIME and occlusion take the most forward passes."""
    if not has(table, *TITLES):
        return UNASKED
    names = [name for name in table.rows if name in TITLES]
    passes = np.array([-table.cell(name, "passes") for name in names])
    first = lowest_names(names, passes, 2)
    passes_text = ", ".join(f"{TITLES[name]} {table.cell(name, 'passes'):.0f}" for name in first)
    return float(
        set(first) == {"Lime", "Occlusion"}
    ), f"Most images through the network: {passes_text}."


def cheap(table: Table) -> Judged:
    """Whether Grad-CAM takes no more passes than any other."""
    if not has(table, "GradCam"):
        return UNASKED
    passes = table.cell("GradCam", "passes")
    least = min(table.cell(name, "passes") for name in table.rows if name in TITLES)
    return float(passes <= least), f"Images through the network for one of its maps: {passes:.0f}."


GRADIENTS = ("Gradient", "GradientXInput", "IntegratedGradients", "GuidedBackprop")


def simple(table: Table) -> Judged:
    """Whether maps of Grad-CAM are the smallest files, then LIME's, then those of gradients."""
    if not has(table, "GradCam", "Lime", *GRADIENTS):
        return UNASKED
    cam, lime, *slopes = (table.cell(n, "PNG size") for n in ("GradCam", "Lime", *GRADIENTS))
    sentence = f"Grad-CAM {cam:.0f}, LIME {lime:.0f}, gradients from {min(slopes):.0f} bytes."
    return float(cam < lime < min(slopes)), sentence


def insensitive(table: Table) -> Judged:
    """Whether guided backpropagation changes less with the label than Grad-CAM."""
    if not has(table, "GradCam", "GuidedBackprop"):
        return UNASKED
    if OwnMap.name in table.rows:
        return float("nan"), "Each class is held against the other here; the paper asks each alone."
    guided, cam = (table.cell(n, "cross-label cosine") for n in ("GuidedBackprop", "GradCam"))
    if not (np.isfinite(guided) and np.isfinite(cam)):
        return float("nan"), "There was no second label to compare with."
    sentence = (
        f"Cosine of two labels' maps: guided backpropagation {guided:.2f}, Grad-CAM {cam:.2f}."
    )
    return float(guided - cam >= COSINE_GAP), sentence


CLAIMS: tuple[tuple[str, Callable[[Table], Judged]], ...] = (
    ("Occlusion, Grad-CAM and LIME are the most reliable", reliable),
    (
        f"Each of the three points at the thing in at least {100 * POINTING_SHARE:.0f} % of the "
        "maps",
        pointed,
    ),
    ("LIME and occlusion are dear", dear),
    ("Grad-CAM is cheap", cheap),
    ("Maps of Grad-CAM are simpler than those of LIME, and these than those of gradients", simple),
    ("Guided backpropagation hardly heeds the label, Grad-CAM does", insensitive),
)
