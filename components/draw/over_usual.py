"""Two columns of a table over its places: what is usual as a line, one's own as dots."""

import numpy as np

from engine.core.charts.drawing import Drawing, Words
from engine.core.charts.groups import PointGroups
from engine.core.result import Table

PLACE = "place"


def over_usual(
    view: str,
    title: str,
    columns: tuple[str, str],
    names: tuple[str, str],
    across: str,
    finding: Words | None = None,
) -> Drawing:
    subject, usual = columns

    def both(table: Table) -> Table:
        place = np.tile(np.arange(len(table)), 2)
        values = np.concatenate([table[usual], table[subject]])
        rows = [names[1]] * len(table) + [names[0]] * len(table)
        return Table.of({PLACE: (place, ""), subject: (values, "")}, rows)

    chart = PointGroups(
        x=PLACE, y=subject, looks={names[1]: "line", names[0]: "dots"}, x_title=across
    )
    return Drawing(view, title, chart, finding, part=both)
