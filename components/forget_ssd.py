"""The section "SSD's line": importances of all weights, and the lines that decide what is damped.

Importances are computed once; the sliders move only lines and dampen a copy anew.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components import charts, mask_charts, runs
from components.charts import GRAY
from components.columns import as_table
from components.familiar_charts import COLORS, laid, theme
from components.forget_asked import KEY, Asked, Closer
from components.forget_board import GOAL, percent
from components.notices import plain
from components.subject import Subject
from engine.result import Array, Columns, WeightScores
from engine.run import Answer
from engine.unlearning import SSD, Importance, by_layer
from engine.unlearning.looks.damping import Damped, damped

DOTS = 4000  # weights that are drawn


def show(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """The plot with two sliders."""
    del subject
    st.markdown("**Which weights count for the forgotten images out of proportion**")
    asked = closer.asked
    method = usual(asked)
    outcome = runs.ask(Importance(method.batch, method.label_free), asked.case, f"{KEY}.Importance")
    if not isinstance(outcome, Answer):
        runs.watch([outcome])
        return
    method = choose(method)
    found = damped(asked.case, method)
    figure = cloud(outcome["forget"], outcome["train"], method)
    mask_charts.drawn(figure, words(method, found), f"{KEY}.SSD.plot")
    figures(found, table)
    layers = by_layer(
        outcome["forget"].values, outcome["train"].values, method.ratio, method.strength
    )
    charts.numbers({f"{KEY}.SSD.layers": as_table(layers)})
    st.caption(
        "Each dot is a weight: to the right, how much it counts for all images; upwards, for the "
        "forgotten ones. Above the first line it is damped; λ says what is left of it. Importances "
        "are computed once, so that moving a line takes no time."
    )


def usual(asked: Asked) -> SSD:
    """SSD as it was asked, or as it comes."""
    return next((one for one in asked.methods if isinstance(one, SSD)), SSD())


def choose(method: SSD) -> SSD:
    """Threshold and strength."""
    left, right = st.columns(2)
    given: dict[str, Any] = {}
    exponents = (
        ("ratio", "Threshold α", left, 0.0, 2.0),
        ("strength", "Strength λ", right, -1.0, 1.0),
    )
    for name, word, column, low, high in exponents:
        stops = [float(f"{10**power:.2g}") for power in np.arange(low, high + 0.01, 0.1)]
        start = getattr(method, name)
        stops = sorted({*stops, start})
        given[name] = column.select_slider(
            word, stops, start, key=f"{KEY}.SSD.live.{name}", format_func=lambda one: f"{one:g}"
        )
    return replace(method, **given)


def cloud(forget: WeightScores, train: WeightScores, method: SSD) -> go.Figure:
    """Log-log, with the lines of both dials."""
    own, all_of = flat(forget), flat(train)
    some = np.random.default_rng(0).permutation(len(own))[:DOTS]
    own, all_of = own[some], all_of[some]
    seen = (own > 0) & (all_of > 0)
    own, all_of = own[seen], all_of[seen]
    over = own > method.ratio * all_of
    figure = go.Figure()
    color = COLORS[theme()]
    for marked, name, ink, size in (
        (~over, "as it was", GRAY, 3), (over, "damped", color[1], 5),
    ):  # fmt: skip
        figure.add_scattergl(
            x=all_of[marked], y=own[marked], mode="markers", name=name, hoverinfo="skip",
            marker={"color": ink, "size": size, "opacity": 0.6},
        )  # fmt: skip
    ends = np.array([all_of.min(), all_of.max()]) if len(all_of) else np.array([1e-9, 1.0])
    for factor, name, dash in (
        (method.ratio, "α: damped above", "solid"), (method.strength, "λ: damped down to", "dash"),
    ):  # fmt: skip
        figure.add_scatter(x=ends, y=factor * ends, mode="lines", name=name, hoverinfo="skip",
                           line={"color": color[0], "width": 2, "dash": dash})  # fmt: skip
    power = {"type": "log", "exponentformat": "power", "dtick": 2}
    figure.update_xaxes(title="counts for all images", **power)
    figure.update_yaxes(title="counts for the forgotten images", **power)
    return laid(figure, 400)


def flat(scores: WeightScores) -> Array:
    """All weights in one row, always in the same order."""
    return np.concatenate([scores.values[name].ravel() for name in sorted(scores.values)])


def words(method: SSD, found: Damped) -> str:
    """How much is damped."""
    return (
        f"At α = {method.ratio:g} and λ = {method.strength:g}, {found.chosen:,} of {found.total:,} "
        f"weights ({100 * found.chosen / found.total:.2g} %) are damped."
    )


def figures(found: Damped, table: Columns) -> None:
    """What that does to the model."""
    shown = (
        ("forgotten images wrong", "UA", found.unlearning),
        ("others right", "RA", found.retain),
        ("test right", "TA", found.test),
    )
    for column, (word, name, value) in zip(st.columns(3), shown, strict=True):
        column.metric(word.capitalize(), percent(value))
        column.caption(plain(f"retrained: {percent(table.cell(GOAL, name))}"))
