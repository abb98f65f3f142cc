"""How far several maps agree, each with each: by a measure that a person chooses."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import streamlit as st

from components.draw import tables
from components.picks import pick
from engine.core.charts.chart import ROW
from engine.core.charts.matrix import Matrix
from engine.core.charts.words import signed
from engine.core.result import Table

MEASURES: Mapping[str, tuple[float, str]] = {  # lowest value, and what it asks
    "cosine": (-1.0, "the cosine between two maps, signs and sizes together."),
    "order": (
        -1.0,
        "Spearman's correlation of sizes, whatever their sign: is the same place strongest?",
    ),
    "strongest": (0.0, "overlap (IoU) of the strongest tenths; chance: 0.05."),
    "sign": (
        0.0,
        "of the strongest tenth of the row's map, the share with the same sign in the other.",
    ),
}


def draw_agreement(
    words: Mapping[str, str],
    table_of: Callable[[str], Table],
    label: str,
    key: str,
    chosen: str,
    names: Sequence[str] = (),
) -> None:
    word = pick(label, list(words), key, "pills", first=chosen)
    low, asks = MEASURES[words[word]]
    st.caption(f"{word[:1].upper()}{word[1:]}: {asks}")
    view = table_of(words[word])
    labels = tuple(names or view.rows)
    shape = Matrix(
        signed=low < 0,
        span=(low, 1),
        bar=view.units[0],
        form=".2f",
        names=labels,
        columns=labels,
        height=220 + ROW * len(labels),
    )
    tables.draw_chart(shape, view, likeness(view), f"{key}.{words[word]}", wide=True)


def likeness(view: Table) -> str:
    values = (view.values + view.values.T) / 2  # both ways, where these differ
    rows, columns = np.triu_indices(len(values), 1)
    pairs = values[rows, columns]
    if not np.isfinite(pairs).any():
        return "No two maps can be compared: they are flat."

    def named(place: int) -> str:
        return f"{view.rows[rows[place]]} and {view.rows[columns[place]]} ({signed(pairs[place])})"

    if len(pairs) == 1:
        return f"{' and '.join(view.rows)}: {signed(pairs[0])}."
    return (
        f"Most alike: {named(int(np.nanargmax(pairs)))}. "
        f"Least alike: {named(int(np.nanargmin(pairs)))}. "
        f"Mean over all pairs: {signed(float(np.nanmean(pairs)))}."
    )
