"""In the section "What is lost": how much of it another seed of the same training changes too."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components import runs
from components.charts import plots
from components.charts.style import COLORS, GRAY, laid, theme, wrapped
from components.notices import plain
from components.prune.asked import KEY, Asked
from components.prune.pictures import shown
from engine import run
from engine.result import Table
from engine.run import Answer
from engine.sparsity import Seeds
from engine.sparsity.learned import Learned
from engine.sparsity.seeds import exemplars

WORST = 3  # images


def show(asked: Asked, images: int) -> None:
    """The floor under changed answers and classes, and images whose modal answer changes."""
    st.markdown("**Is it more than another seed changes?**")
    method = asked.with_rule(Seeds, images=images)
    if reason := unmet(asked):
        st.caption(plain(f"Not available: {reason}"))
        return
    outcome = runs.ask_when_told(
        method, asked.case, f"{KEY}.Seeds", f"Train {method.networks} networks of other seeds"
    )
    if outcome is None:
        st.caption(
            "Dense networks of other seeds disagree on some images too. Only what pruning changes "
            "beyond that is due to pruning. They are trained as this model was and are kept."
        )
    elif isinstance(outcome, Answer):
        drawn(asked, dict(outcome))
    else:
        runs.watch([outcome])


def floor(asked: Asked, images: int) -> Table | None:
    """How each class differs in dense networks of other seeds, where that was measured before."""
    if unmet(asked):
        return None
    found = run.known(asked.with_rule(Seeds, images=images), asked.case)
    return None if found is None else found["classes"]


def unmet(asked: Asked) -> str:
    """Why other networks cannot be compared with, or ""."""
    if asked.method.criterion == Learned.title:
        return "learned scores belong to one network only."
    return Seeds.unmet(asked.case)


def drawn(asked: Asked, found: dict[str, Any]) -> None:
    """Changed answers, classes, and exemplars."""
    left, right = st.columns(2, gap="large")
    with left:
        plots.with_table(
            changes(found["networks"], found["pairs"]), change_words(found),
            {"networks": found["networks"], "pairs": found["pairs"]}, f"{KEY}.Seeds.changes",
        )  # fmt: skip
    with right:
        table = found["classes"]
        plots.with_table(
            classes(table), class_words(table), {"classes": table}, f"{KEY}.Seeds.classes"
        )
    modal_images(asked, found["images"])


def changes(networks: Table, pairs: Table) -> go.Figure:
    """The share of changed answers of each pruned network, and of each pair of dense ones."""
    rows = (
        ("dense, other seed", 100 * pairs.values[:, 0], GRAY, "circle-open"),
        ("pruned", 100 * networks.values[:, 2], COLORS[theme()][1], "square"),
    )
    figure = go.Figure()
    for name, values, ink, symbol in rows:
        mark = {"color": ink, "symbol": symbol, "size": 10, "line": {"width": 2, "color": ink}}
        figure.add_scatter(x=values, y=[name] * len(values), mode="markers", marker=mark)
    figure.update_xaxes(title="answers that change (%)", rangemode="tozero")
    figure.update_layout(showlegend=False)
    return laid(figure, 190)


def change_words(found: dict[str, Any]) -> str:
    """Whether pruning changes more answers than another seed does."""
    cut, apart = 100 * found["networks"].values[:, 2], 100 * found["pairs"].values[:, 0]
    if cut.min() > apart.max():
        finding = "more than any other seed does"
    elif cut.mean() > apart.mean():
        finding = "more than another seed does on average, within its range"
    else:
        finding = "no more than another seed does"
    return (
        f"Pruning changes {cut.mean():.1f} % of the answers (from {cut.min():.1f} to "
        f"{cut.max():.1f} over {len(cut)} networks), two dense networks of other seeds differ in "
        f"{apart.mean():.1f} % ({apart.min():.1f} to {apart.max():.1f}): {finding}."
    )


def classes(table: Table) -> go.Figure:
    """Change of each class by pruning over the range of other dense networks."""
    _, change, _, low, high = 100 * table.values.T
    names = [wrapped(name) for name in table.rows]
    figure = go.Figure()
    figure.add_bar(
        y=names, x=high - low, base=low, orientation="h", name="dense, other seeds",
        marker={"color": GRAY, "opacity": 0.5},
    )  # fmt: skip
    mark = {"color": COLORS[theme()][1], "symbol": "square", "size": 10}
    figure.add_scatter(y=names, x=change, mode="markers", name="pruned", marker=mark)
    figure.update_yaxes(type="category", autorange="reversed")
    figure.update_xaxes(title="change of right answers (points)")
    return laid(figure, 110 + 24 * len(names))


def class_words(table: Table) -> str:
    """Which classes change by more than other seeds do."""
    _, change, _, low, _ = table.values.T
    beyond = [name for name, one, floor in zip(table.rows, change, low, strict=True) if
              one < min(floor, 0.0)]  # fmt: skip
    if not beyond:
        return "No class loses more than the weakest dense network of another seed does."
    return (
        f"{len(beyond)} of {len(table.rows)} classes lose more than in any dense network of "
        f"another seed: {', '.join(beyond)}."
    )


def modal_images(asked: Asked, table: Table) -> None:
    """Images of which the pruned networks mostly say something else than the dense ones."""
    first, second = table.values[:, 2:4].T.astype(np.int64)
    differ = exemplars(first, second)
    st.caption(
        f"{int(differ.sum())} of {len(differ)} test images have another most frequent (modal) "
        "answer among the pruned networks than among the dense ones (pruning-identified "
        "exemplars, Hooker et al. 2019). Ties are left out."
    )
    labels = asked.case.data.classes
    lines = table.values[differ][:WORST]
    words = [f"{labels[int(line[2])]} → {labels[int(line[3])]}" for line in lines]
    shown(asked, lines[:, 0].astype(np.int64), words, WORST)
