"""A data set that is a table: its rows, and which columns go together."""

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components import forms
from components.draw.drawing import draw
from components.lab import data_set
from components.notices import show_problems
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.matrix import Matrix
from engine.core.charts.words import signed
from engine.core.result import Table
from engine.vision.data import SPLITS
from engine.vision.data.tabular import Cohort, LabeledTable

TABLE_ROWS = 200  # rows


def show(kind: type[Cohort], answer: DeltaGenerator, settings: DeltaGenerator) -> None:
    with settings, show_problems():
        st.markdown("**Settings**")
        forms.refuse_links(kind, f"lab.{kind.word}")
        recipe = kind(**forms.settings(kind, f"lab.{kind.word}"))
    with answer:
        table = cohort_table(recipe)
        summary = f"{len(table):,} patients, {len(table.columns)} columns"
        data_set.heading(table.card, summary)
        draw(DRIVERS, {"drivers": drivers(table)}, "lab.drivers")
        data_set.show_description(table.card, summary)
        preview(table)
        draw(CORRELATION, {"correlation": correlation(table)}, "lab.correlation")
        data_set.show_provenance(table.card, table.fingerprint)


@st.cache_resource(max_entries=8, show_spinner=False)
def cohort_table(recipe: Cohort) -> LabeledTable:
    return recipe.make()


def drivers(table: LabeledTable) -> Table:
    names, weights = zip(*table.drivers.items(), strict=True)
    return Table.of({"weight": (weights, "")}, names)


DRIVERS = Drawing("drivers", "What drives the class (weight of one standard deviation)")


def correlation(table: LabeledTable) -> Table:
    values = np.atleast_2d(np.corrcoef(table.values, rowvar=False)).round(2)
    names = tuple(table.columns)
    return Table.grid(values.astype(np.float32), names, names, ("",) * len(names))


def preview(table: LabeledTable) -> None:
    import pandas as pd

    frame = pd.DataFrame(table.values[:TABLE_ROWS].round(2), columns=list(table.columns))
    frame.insert(0, "class", [table.classes[label] for label in table.labels[:TABLE_ROWS]])
    frame.insert(0, "split", [SPLITS[split] for split in table.split[:TABLE_ROWS]])
    frame.insert(0, "id", table.ids[:TABLE_ROWS])
    st.markdown("**Patients**")
    st.dataframe(
        frame, hide_index=True, height=300, alt=f"Table of the first {TABLE_ROWS} patients"
    )
    if len(table) > TABLE_ROWS:
        st.caption(f"The first {TABLE_ROWS} of {len(table):,}. Volumes in ml, age in years.")


def correlation_finding(result: Views) -> str:
    view: Table = result["correlation"]
    np.fill_diagonal(off := np.abs(view.values), 0)
    first, second = np.unravel_index(off.argmax(), off.shape)
    return (
        f"Correlation of each two columns (Pearson's r). The strongest pair: {view.rows[first]} "
        f"and {view.rows[second]}, r = {signed(view.values[first, second])}."
    )


CORRELATION = Drawing(
    "correlation",
    "Which columns go together",
    Matrix(signed=True, span=(-1, 1), bar="r", numbers=False, height=620),
    correlation_finding,
)
