"""A matrix of losses, each column in multiples of a loss of its own."""

from typing import Any

import numpy as np

from components.widgets.wording import short_number
from engine.core.charts.matrix import Matrix
from engine.core.result import Floats, Table

DECADES = 3  # of colors, to either side of the loss that is compared with
FLOOR = 1e-12


def multiples(losses: Table, base: Floats, about: str, **more: Any) -> Matrix:
    """Colors are powers of ten; ★ marks the lowest loss of each column.

    Args:
        losses: (rows, columns), of one unit.
        base: the loss that each column is compared with, (columns,).
        about: what that is, such as "predicting no change".
        more: of `Matrix`.
    """
    base_losses = np.maximum(base.astype(np.float64), FLOOR)
    times = np.log10(np.maximum(losses.values / base_losses, 10.0**-DECADES)).clip(
        -DECADES, DECADES
    )
    best = losses.values.argmin(0)
    texts = [
        [f"★ {short(value)}" if best[c] == r else short(value) for c, value in enumerate(row)]
        for r, row in enumerate(losses.values)
    ]
    hovers = [
        [
            f"{name}, {column}<br>loss {short_number(float(value))} {losses.units[0]}<br>"
            f"{short_number(float(value / base_loss))} × that of {about}"
            for column, value, base_loss in zip(losses.columns, row, base_losses, strict=True)
        ]
        for name, row in zip(losses.rows, losses.values, strict=True)
    ]
    ticks = (-DECADES, 0, DECADES), (f"≤{10.0**-DECADES:g}", "1", f"≥{10**DECADES}")
    return Matrix(
        signed=True,
        colors=times,
        texts=texts,
        hovers=hovers,
        span=(-DECADES, DECADES),
        bar=f"× {about}",
        ticks=ticks,
        **more,
    )


def short(value: float) -> str:
    value = float(value)
    if value and (value < 1e-2 or value >= 1e4):
        return f"{value:.0e}".replace("e-0", "e−").replace("e+0", "e").replace("e-", "e−")
    return short_number(value)
