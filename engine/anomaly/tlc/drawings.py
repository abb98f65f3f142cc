"""Images on their way through experts: charts and their sentences."""

import numpy as np

from engine.core.charts.drawing import Drawing
from engine.core.charts.lines import Lines
from engine.core.charts.stacked import Stacked
from engine.core.charts.words import percent
from engine.core.result import Table


def engaged(table: Table) -> str:
    """How many experts each image engages, and where experts contradict each other most."""
    names = [row.rpartition(", ")[0] for row in table.rows]
    phrases = [
        f"{name} "
        f"{sum(int(table['engaged'][at]) for at, row_name in enumerate(names) if row_name == name)}"
        for name in dict.fromkeys(names)
    ]
    worst = int(np.argmax(table["conflict"]))
    return (
        f"Experts engaged, of {names.count(names[0])}: {', '.join(phrases)}. Most conflict with "
        "the "
        f"expert before: {table.rows[worst]} ({percent(float(table['conflict'][worst]))})."
    )


DRAWINGS = (
    Drawing("examples", "Three images on their way through the experts"),
    Drawing(
        "chain",
        "What each expert says of them",
        chart=Stacked(
            parts={
                "belief in the answer": "belief in the answer",
                "belief in other classes": "belief in other classes",
                "vacuity": "no evidence",
            },
            rest="vacuity",
            title="%",
        ),
        finding=lambda result: engaged(result["chain"]),
    ),
    Drawing(
        "left",
        "What is left after each expert",
        chart=lambda result: Lines(
            x="experts",
            title="left over (power of ten)",
            x_title="experts asked",
            ticks=result["left"]["experts"].tolist(),
        ),
        finding=lambda _: (
            "An image engages the next expert while its line lies above that of "
            "the share it needs, which depends on all known test images."
        ),
    ),
)
