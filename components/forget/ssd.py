"""The section "SSD's line": importances of all weights, and the lines that decide what is damped.

Importances are computed once; the sliders move only lines and dampen a copy anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components import runs
from components.charts import tables
from components.charts.style import COLORS, CONFIG, GRAY, INK, inked, laid, plain_markdown, theme
from components.charts.tables import as_table
from components.forget.asked import KEY, Asked, Closer
from components.forget.words import GOAL, percent
from components.notices import plain
from components.sidebar.subject import Subject
from engine.result import Array, Columns, WeightScores
from engine.run import Answer
from engine.unlearning import SSD, ForgetCase, Importance, by_layer
from engine.unlearning.looks.damping import Damped, damped, started

DOTS = 250  # weights that are drawn by chance, and as many that stand out most
HELD = f"{KEY}.SSD.held"


@dataclass(frozen=True)
class Plot:
    """The figure, made once: moving a slider changes only places in it.

    Args:
        name: of importances and theme, that it is drawn for.
        figure: with four traces: weights as they were, damped ones, the lines of α and of λ.
        own: importance of the drawn weights for the forgotten images, (n,).
        train: the same for all images, (n,).
        ratio: α at first.
    """

    name: str
    figure: go.Figure
    own: Array
    train: Array
    ratio: float


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
    live(asked, method, outcome, table)
    st.caption(
        f"Each dot is a weight: to the right, how much it counts for all images; upwards, for the "
        f"forgotten ones. Drawn are {DOTS} weights by chance and the {DOTS} that stand out most. "
        "Above the first line a weight is damped; λ says what is left of it. Importances are "
        "computed once, so that moving a line takes no time."
    )


@st.fragment
def live(asked: Asked, method: SSD, outcome: Answer, table: Columns) -> None:
    """Sliders, plot and figures; a move reruns only this."""
    plot = held(asked.case, method, outcome)
    method = choose(replace(method, ratio=plot.ratio))
    found = damped(asked.case, method)
    move(plot, method)
    st.plotly_chart(
        plot.figure, theme="streamlit", config=CONFIG, key=f"{KEY}.SSD.plot",
        alt=words(method, found),
    )  # fmt: skip
    st.caption(plain_markdown(words(method, found)))
    figures(found, table)
    box = st.expander("The numbers as a table", key=f"{KEY}.SSD.numbers", on_change="rerun")
    if box.open:
        forget, train = outcome["forget"].values, outcome["train"].values
        with box:
            layers = by_layer(forget, train, method.ratio or plot.ratio, method.strength)
            tables.table(as_table(layers), f"{KEY}.SSD.layers")


def usual(asked: Asked) -> SSD:
    """SSD as it was asked, or as it comes."""
    return next((one for one in asked.methods if isinstance(one, SSD)), SSD())


def choose(method: SSD) -> SSD:
    """Threshold and strength; at first those of the method."""
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


def held(case: ForgetCase, method: SSD, outcome: Answer) -> Plot:
    """This session's figure for these importances, drawn anew where it is for others."""
    name = f"{outcome.record['digest']} {method.settings()} {theme()}"
    plot: Plot | None = st.session_state.get(HELD)
    if plot is None or plot.name != name:
        plot = drawn(name, outcome["forget"], outcome["train"], started(case, method))
        st.session_state[HELD] = plot
    return plot


def drawn(name: str, forget: WeightScores, train: WeightScores, ratio: float) -> Plot:
    """Log-log, with the lines of both dials; nothing is in its place yet."""
    own, all_of = chosen(flat(forget), flat(train))
    figure = go.Figure()
    color = COLORS[theme()]
    for word, ink, size in (("as it was", GRAY, 3), ("damped", color[1], 5)):
        figure.add_scatter(
            mode="markers", name=word, hoverinfo="skip",
            marker={"color": ink, "size": size, "opacity": 0.6},
        )  # fmt: skip
    ends = np.array([all_of.min(), all_of.max()]) if len(all_of) else np.array([1e-9, 1.0])
    for word, dash in (("α: damped above", "solid"), ("λ: damped down to", "dash")):
        figure.add_scatter(x=ends, mode="lines", name=word, hoverinfo="skip",
                           line={"color": color[0], "width": 2, "dash": dash})  # fmt: skip
    power = {"type": "log", "exponentformat": "power", "dtick": 4}
    figure.update_xaxes(title="counts for all images", **power)
    figure.update_yaxes(title="counts for the forgotten images", **power)
    inked(laid(figure, 400), INK[theme()])
    return Plot(name, figure, own, all_of, ratio)


def chosen(own: Array, train: Array) -> tuple[Array, Array]:
    """The weights that are drawn: few, since a browser draws them anew at every move."""
    seen = (own > 0) & (train > 0)
    own, train = own[seen], train[seen]
    by_chance = np.random.default_rng(0).permutation(len(own))[:DOTS]
    outstanding = np.argsort(train / own)[:DOTS]
    some = np.union1d(by_chance, outstanding)
    return own[some], train[some]


def move(plot: Plot, method: SSD) -> None:
    """Dots and lines to their places for a threshold and a strength."""
    over = plot.own > method.ratio * plot.train
    for trace, marked in zip(plot.figure.data[:2], (~over, over), strict=True):
        trace.x, trace.y = plot.train[marked], plot.own[marked]
    for line, factor in zip(plot.figure.data[2:], (method.ratio, method.strength), strict=True):
        line.y = factor * np.asarray(line.x)


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
