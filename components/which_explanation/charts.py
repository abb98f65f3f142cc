"""Matrices of explainers against explainers."""

from __future__ import annotations

import numpy as np

from components.charts.tables import signed
from components.draw.matrix import Matrix
from components.widgets.viewer import said
from engine.result import Floats, Table

DECADES = 3  # of the loss of saying nothing, to either side
FLOOR = 1e-12
SHORT = {  # so that eight names fit beside and below a matrix
    "Integrated gradients": "Integrated g.",
    "Gradient × input": "Gradient × in.",
}


def loss_chart(losses: Table, still: Floats) -> Matrix:
    """Losses as multiples of the loss of saying that nothing changes, over decades."""
    base = np.maximum(still.astype(np.float64), FLOOR)
    times = np.log10(np.maximum(losses.values / base, 10.0**-DECADES)).clip(-DECADES, DECADES)
    best = losses.values.argmin(0)
    texts = [
        [f"★ {short(value)}" if best[c] == r else short(value) for c, value in enumerate(row)]
        for r, row in enumerate(losses.values)
    ]
    hovers = [
        [
            f"{name}, {column}<br>loss {said(float(value))} {losses.units[0]}<br>"
            f"{said(float(value / base[c]))} × that of saying that nothing changes"
            for c, (column, value) in enumerate(zip(losses.columns, row, strict=True))
        ]
        for name, row in zip(losses.rows, losses.values, strict=True)
    ]
    ticks = (-DECADES, 0, DECADES), (f"≤{10.0**-DECADES:g}", "1", f"≥{10**DECADES}")
    return Matrix(
        signed=True, colors=times, texts=texts, hovers=hovers, span=(-DECADES, DECADES),
        bar="× “nothing changes”", ticks=ticks, names=shortened(losses.rows),
        columns=shortened(losses.columns), x_title="tried where … looks",
    )  # fmt: skip


def agreement_chart(view: Table, low: float) -> Matrix:
    """Agreement of every two, from `low` to 1."""
    hovers = [
        [
            f"{name} and {other}: {signed(value)}"
            for other, value in zip(view.columns, row, strict=True)
        ]
        for name, row in zip(view.rows, view.values, strict=True)
    ]
    return Matrix(
        signed=low < 0, texts=[[signed(value) for value in row] for row in view.values],
        hovers=hovers, span=(low, 1), bar=view.units[0], names=shortened(view.rows),
        columns=shortened(view.columns),
    )  # fmt: skip


def short(value: float) -> str:
    """A loss in few letters."""
    value = float(value)
    if value and (value < 1e-2 or value >= 1e4):
        return f"{value:.0e}".replace("e-0", "e−").replace("e+0", "e").replace("e-", "e−")
    return said(value)


def shortened(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names that fit."""
    plain = (name.removeprefix("in ").removesuffix("'s") for name in names)
    return tuple(SHORT.get(name, name) for name in plain)
