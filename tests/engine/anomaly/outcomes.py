"""What an experiment found, as lines of docs/measured.md."""

from engine.evaluation.experiment import HOLDS, NOT_HERE, UNDECIDED, deviation_column

WORDS = {HOLDS: "holds", NOT_HERE: "not so here", UNDECIDED: "undecided"}


def note(measure, what, claims):
    """A line for each claim, with its margin in points."""
    for row, name in enumerate(claims.rows):
        margin, within = 100 * claims["margin"][row], 100 * claims["tolerance"][row]
        outcome = WORDS[int(claims["outcome"][row])]
        measure(f"{what}: {name}", f"{outcome}; margin {margin:.1f} ± {within:.1f} points")


def by_condition(table, name):
    """A figure of every condition, with its deviation over seeds."""
    cells = [
        (row, table.cell(row, name), table.cell(row, deviation_column(name))) for row in table.rows
    ]
    return "; ".join(f"{row} {mean:.3f} ± {deviation:.3f}" for row, mean, deviation in cells)
