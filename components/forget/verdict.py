"""What came of one way, in one plain sentence."""

import numpy as np

from components.forget.words import BEFORE, GOAL, percent, row_label
from engine.core.result import Table
from engine.unlearning.protocol.scoreboard import ranking

AS_WELL, NEARLY, OFF = 0.03, 0.10, 0.10  # average gap; points by which a figure is off
COST, REST = "share of retraining", "rest of the class"


def verdict(table: Table, way: str, what: str) -> str:
    """How one way did beside retraining, with its figures."""
    sentence = short_verdict(table, way, what)
    if not np.isfinite(table.cell(way, ranking(table))):
        return f"{sentence}: see the note below the table."
    (known, goal), (test, test_goal) = shares(table, way)
    has_rest = REST in table.order and np.isfinite(table.cell(GOAL, REST))  # the test may have none
    rest, rest_goal = (table.cell(row, REST) if has_rest else 0.0 for row in (way, GOAL))
    return (
        f"{sentence}: it recognizes {percent(known)} of those (retrained: {percent(goal)}) and "
        f"{percent(test)} of the {kept_words(table)} ({percent(test_goal)})"
        + (
            f", {percent(rest)} of the rest of the class ({percent(rest_goal)})."
            if has_rest
            else "."
        )
    )


def short_verdict(table: Table, way: str, what: str) -> str:
    """How one way did beside retraining, in a few words; arguments as of `verdict`."""
    gap_column, name = ranking(table), row_label(way)
    gap = table.cell(way, gap_column)
    if not np.isfinite(gap):
        return f"{name} failed on {what}"
    (known, goal), (test, test_goal) = shares(table, way)
    as_good = abs(known - goal) <= OFF and test_goal - test <= OFF
    if as_good and table.cell(BEFORE, gap_column) <= AS_WELL:
        return f"{name} had little to forget of {what}, which other images teach too"
    if known - goal > OFF:
        return f"{name} did not forget {what}"
    if harm := harm_of(table, way):
        return f"{name} forgot {what} {harm}"
    if goal - known > OFF:
        return f"{name} forgot {what} more than it should"
    nearly = "nearly as well as retraining" if gap <= NEARLY else "only roughly"
    how = "as well as retraining" if gap <= AS_WELL else nearly
    share = table.cell(way, COST)  # not known of models that were made elsewhere
    cost = f", at {percent(share)} of its cost" if np.isfinite(share) else ""
    return f"{name} forgot {what} {how}{cost}"


def harm_of(table: Table, way: str) -> str:
    _, (test, test_goal) = shares(table, way)
    if test_goal - test > OFF:
        return "by damaging the rest"
    if REST in table.order and table.cell(GOAL, REST) - table.cell(way, REST) > OFF:
        return "and took the rest of its class with it"
    return ""


def shares(table: Table, way: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Forgotten images recognized, and test images right: of the way and of the retrained model.

    Training images that stay where there are no test images.
    """
    known, goal = (1 - table.cell(row, "UA") for row in (way, GOAL))
    column = kept_column(table)
    return (known, goal), (table.cell(way, column), table.cell(GOAL, column))


def kept_column(table: Table) -> str:
    """What says whether the rest was kept: the test, or the training images that stay."""
    row = GOAL if GOAL in table.rows else table.rows[0]
    return "TA" if np.isfinite(table.cell(row, "TA")) else "RA"


def kept_words(table: Table) -> str:
    return "test" if kept_column(table) == "TA" else "kept training images"


def closest_method(table: Table) -> str:
    """The way that came nearest to the retrained model; "" where none gave numbers."""
    ways = zip(table[ranking(table)], table.rows, strict=True)
    gaps = [(float(gap), way) for gap, way in ways if way not in {GOAL, BEFORE}]
    return min((pair for pair in gaps if np.isfinite(pair[0])), default=(0.0, ""))[1]
