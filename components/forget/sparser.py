"""Every way to forget against the sparsity of the original, beside retraining with its zeros."""

import numpy as np
from numpy.typing import NDArray

from components import forms
from components.forget.asked import KEY, MethodDetail, Rows
from components.forget.words import BEFORE, FIGURES, GOAL, TITLES
from components.picks import pick
from components.section import Section
from engine.commands.openings.unlearning import every_way
from engine.core.charts.drawing import Drawing
from engine.core.charts.matrix import Matrix
from engine.core.result import Table
from engine.unlearning import SparseOriginals
from engine.unlearning.sparse_mu.sparser import ranking_gap

RANKED = "gap they are ranked by"  # as in the Scoreboard: without MIA where the attack says nothing
GAPS = {RANKED: RANKED, "average gap": "gap", "gap without MIA": "gap without MIA"}
MEASURES = GAPS | {words: name for name, (words, _) in FIGURES.items()}
SLOT = f"{KEY}.sparser"
SETTINGS = ("by", "seeds")
FULL = 50  # points of a gap that have the full color


def sparser(detail: MethodDetail) -> Rows:
    name = MEASURES[pick("Figure", list(MEASURES), f"{SLOT}.figure")]
    method = SparseOriginals(**forms.folded_settings(SparseOriginals, SLOT, SETTINGS, "Settings"))
    squares = Drawing(
        "table",
        made=lambda result: squares_of(result["table"], figure(result["table"], name)),
        chart=lambda result: chart(result["table"], figure(result["table"], name)),
        finding=lambda result: finding(result["table"], name),
    )
    return [
        [
            Section(
                KEY,
                method,
                every_way(detail.case.case),
                evidence=[squares],
                button="Try sparser originals",
                before="For each seed, originals are trained anew with none, 50, 80 and 95 % of "
                "their weights cut; every way forgets with each, and each is retrained without the "
                "images. That takes many minutes; what is done is kept.",
            )
        ]
    ]


def figure(table: Table, name: str) -> str:
    return ranking_gap(table) if name == RANKED else name


def column_cells(table: Table, column: str) -> NDArray[np.float64]:
    """A column as it is read, (ways, ratios); ways in the order of `squares_of`.

    Of a gap the retrained model, which is 0 by definition, is left out.
    """
    count = len(np.unique(table["ratio"]))
    grid: NDArray[np.float64] = table[column].reshape(count, -1).T
    return grid[row_order(table, gap=column.startswith("gap"))]


def row_order(table: Table, *, gap: bool) -> list[int]:
    gaps = np.nan_to_num(
        table[ranking_gap(table)].reshape(len(np.unique(table["ratio"])), -1)[-1], nan=np.inf
    )
    lead = {GOAL: -2.0, BEFORE: -1.0}
    ways = [at for at in range(len(gaps)) if not (gap and table.rows[at] == GOAL)]
    return sorted(ways, key=lambda at: lead.get(table.rows[at], float(gaps[at])))


def squares_of(table: Table, column: str) -> Table:
    ways = [table.rows[at] for at in row_order(table, gap=column.startswith("gap"))]
    ratios = np.unique(table["ratio"])
    heads = [f"{100 * ratio:.0f} % cut" if ratio else "all weights" for ratio in ratios]
    names = [TITLES.get(way, way) for way in ways]
    return Table.grid(column_cells(table, column), names, heads, ["share"] * len(heads))


def chart(table: Table, column: str) -> Matrix:
    """In points of a gap or in percent, with the standard deviation over seeds where there is one.

    Color is the distance from the retrained model: of a figure, that of the means.
    """
    mean, spread = 100 * column_cells(table, column), 100 * column_cells(table, f"{column} sd")
    texts = [
        [value_with_spread(*cell) for cell in zip(*row, strict=True)]
        for row in zip(mean, spread, strict=True)
    ]
    off = mean if column in GAPS.values() else np.abs(mean - mean[0])
    return Matrix(
        span=(0, FULL), colors=off, texts=texts, height=500, bar="points away from retraining"
    )


def value_with_spread(value: float, spread: float) -> str:
    if not np.isfinite(value):
        return "failed"
    return f"{value:.0f} ± {spread:.0f}" if np.isfinite(spread) else f"{value:.0f}"


def finding(table: Table, name: str) -> str:
    column = figure(table, name)
    over = "; ±: standard deviation over seeds" if np.isfinite(table[f"{column} sd"]).any() else ""
    if column not in GAPS.values():
        return f"In percent{over}. Good is near the first row, retrained with the same zeros."
    gaps, names = 100 * column_cells(table, column), squares_of(table, column).rows
    change = np.abs(gaps[:, -1] - gaps[:, 0])
    change[names.index(TITLES[BEFORE])] = np.nan
    if not np.isfinite(change).any():
        return "No way gave numbers."
    most = int(np.nanargmax(change))
    without = (
        "The attack on the retrained model is near chance, so MIA does not count. "
        if name == RANKED and column != "gap"
        else ""
    )
    return (
        f"Points away from a model retrained with the same zeros, 0 is best{over}. {without}"
        f"{names[most]} changes most: {gaps[most, 0]:.0f} with all weights, "
        f"{gaps[most, -1]:.0f} with most cut."
    )
