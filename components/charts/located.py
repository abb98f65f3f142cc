"""How maps fare against a mask that is known."""

from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
from numpy.typing import NDArray

from engine.core.result import HeatMap, Table
from engine.evaluation.measures import located

COLUMNS = ("pointing game", "mass in the mask", "strongest in the mask", "chance")
MEASURES = (
    "**Pointing game**: whether the map's highest value lies inside the border. **Mass**: the "
    "share of all positive values that does. **Strongest**: of as many highest values as the mask "
    "has pixels, the share inside. **Chance**: what a map that knows nothing would score."
)


def located_table(maps: Sequence[tuple[str, HeatMap]], mask: NDArray[np.bool_]) -> Table:
    """A row for each map; the mask is not empty."""
    rows = [astuple(located(heat.values, mask)) for _, heat in maps]
    names = tuple(name for name, _ in maps)
    return Table.grid(np.array(rows, np.float32), names, COLUMNS, ("share",) * len(COLUMNS))
