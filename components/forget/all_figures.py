"""The section "All figures" of the Forget view."""

from __future__ import annotations

import numpy as np
import streamlit as st

from components.charts import tables
from components.charts.tables import as_table
from components.forget.asked import KEY, MODELS, WORDS, Closer, looked
from components.sidebar.subject import Subject
from engine.result import Columns, Table
from engine.unlearning import Judged


def show(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """Every figure of the three models."""
    del subject, table
    st.markdown("**All figures of the three models**")
    found = looked(closer, Judged())
    if found is None:
        return
    figures: Columns = found["figures"]
    flat = as_table(figures)
    units = dict(zip(figures.order, figures.units, strict=True))
    for unit, word in (("share", "shares"), ("nat", "distances in nats"), ("", "distances")):
        names = [name for name in figures.order if units[name] == unit]
        values = flat.values[:, [figures.order.index(name) for name in names]].T
        kept = [at for at, row in enumerate(values) if np.isfinite(row).any()]
        rows = tuple(names[at] for at in kept)
        heads = tuple(WORDS[name] for name in MODELS)
        tables.table(
            Table(np.ascontiguousarray(values[kept]), rows, heads, (unit,) * 3),
            f"{KEY}.Judged.{word}",
            whole=True,
        )
    st.caption(
        "Forgetting is good where “after” is like “never saw it”; no figure is good by being high. "
        "Distances between weights say how far a model moved, not how well: networks that answer "
        "alike can lie far apart."
    )
