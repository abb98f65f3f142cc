"""What a study found, in sentences: whom to rely on, beside the paper, at which cost."""

from collections.abc import Sequence

import numpy as np

from engine.attribution.study.case import StudyCase
from engine.attribution.study.images import ERRORS
from engine.attribution.study.measure import RANDOM
from engine.attribution.study.methods import EVERY, TITLES
from engine.attribution.study.ranking import (
    COSINE,
    SCORE,
    TRUSTED,
    first_of_ten,
    lowest_names,
    ranked,
)
from engine.core.result import Table
from engine.evaluation.maps.own_map import OwnMap

NEAR = 0.05  # of the lowest score left, within which a cheaper method is nearly as faithful
INSENSITIVE = 0.9  # a cosine from which maps of two labels are nearly the same


def row_label(row: str) -> str:
    """A row's name for a person."""
    return EVERY.get(row, row)


def list_names(rows: Sequence[str]) -> str:
    """Names of rows in a sentence: "A", "A and B", "A, B and C"."""
    words = [row_label(row) for row in rows]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def mask_target(case: StudyCase) -> str:
    """What a mask outlines."""
    return "thing" if case.source.startswith("scenes") else "lesion"


def relied_on(case: StudyCase, table: Table) -> str:
    """Which methods are the most reliable here: the three of the lowest mean rank."""
    ranks = ranked(table)
    has_rank = np.isfinite(ranks["reliability"])
    if not has_rank.any():
        return "No method has all the figures that reliability is made of."
    count = min(3, int(has_rank.sum()))
    top_names = lowest_names(ranks.rows, np.where(has_rank, ranks["reliability"], np.inf), count)
    what = "scenes" if case.source.startswith("scenes") else "phantom slices"
    what += " that the network gets wrong" if case.source in ERRORS else ""
    return f"On these {len(case.images)} {what}, rely first on {list_names(top_names)}."


def beside_paper(table: Table) -> str:
    """How that compares with the three that the paper found the most reliable."""
    if not all(name in table.rows for name in TITLES):
        return "The paper's ranking is of all ten methods; this study has fewer."
    agreed = [name for name in first_of_ten(table) if name in TRUSTED]
    among = "among the first three of its ten here" if OwnMap.name in table.rows else "among them"
    match len(agreed):
        case 0:
            sentence = f"none of the three is {among}"
        case 1:
            sentence = f"only {list_names(agreed)} is {among}"
        case _:
            sentence = f"{list_names(agreed)} are {among}"
    return f"The paper found {list_names(TRUSTED)} the most reliable: {sentence}."


def fineness(case: StudyCase) -> str:
    """How fine the maps of Grad-CAM are beside what the masks outline; "" where it is not asked."""
    last_layer_map = case.model.last_map
    if last_layer_map is None or "GradCam" not in {method.name for method in case.methods}:
        return ""
    rows, columns = last_layer_map.cells
    cell, what = case.model.side / max(rows, columns), mask_target(case)
    side = float(np.median([np.sqrt(mask.sum()) for image in case.images for mask in image.masks]))
    sentence = (
        f"Grad-CAM has {rows} × {columns} cells of {cell:.0f} px; a {what} covers as much as a "
        f"square of {side:.0f} px"
    )
    if side < 2 * cell:
        return f"{sentence}, hardly more than one cell: its peak can lie beside the {what}."
    return f"{sentence}, several cells."


def with_figure(table: Table, column: str) -> Table:
    """The rows of methods that have a figure in a column, in its order."""
    known = [
        place
        for place, row in enumerate(table.rows)
        if row != RANDOM and table["maps"][place] > 0 and np.isfinite(table[column][place])
    ]
    return table.take(sorted(known, key=lambda place: float(table[column][place])))


def cost_sentence(table: Table) -> str:
    """The most faithful method, and what the cheapest near it costs."""
    methods = with_figure(table, SCORE)
    scores, passes = methods[SCORE], methods["passes"]
    near = np.flatnonzero(scores <= scores[0] + NEAR)
    cheapest = int(near[np.argmin(passes[near])])
    finding = (
        f"{row_label(methods.rows[0])} lets the score fall fastest ({signed(scores[0])}) at "
        f"{count_text(passes[0])} per map"
    )
    if cheapest:
        finding += (
            f"; {row_label(methods.rows[cheapest])} comes close ({signed(scores[cheapest])}) at "
            f"{count_text(passes[cheapest])}"
        )
    return f"{finding}. A random order leaves {signed(table.cell(RANDOM, SCORE))}."


def likeness(table: Table) -> str:
    """Which methods draw the same map whatever is asked."""
    methods = with_figure(table, COSINE)
    same = [row for row in methods.rows if methods.cell(row, COSINE) >= INSENSITIVE]
    most_alike = methods.rows[-1]
    finding = (
        f"{list_names(same)}: nearly the same map for every label."
        if same
        else f"No method draws the same map for every label; {row_label(most_alike)} comes closest "
        f"({signed(methods.cell(most_alike, COSINE))})."
    )
    if OwnMap.name in table.rows:
        return f"{finding} Each class is held against the other: maps of sizes are then the same."
    return f"{finding} Maps without negative values are always somewhat alike."


def count_text(count: float) -> str:
    """So many images."""
    return "1 image" if round(count) == 1 else f"{count:.0f} images"


def signed(value: float) -> str:
    """A number that may lie below zero, with a minus that is one."""
    return f"{value:.2f}".replace("-", "−")
