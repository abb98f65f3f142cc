"""The lines of SSD: importances of all weights, and what is damped at a threshold and a strength.

Importances are computed once; the sliders move only lines and dampen a copy anew.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from components.charts import plots, tables
from components.charts.finished import finished_figure
from components.folded import folded
from components.forget.asked import KEY, MethodDetail, Rows
from components.forget.words import FIGURES, GOAL, percent
from components.notices import escape_markdown
from components.section import Section
from engine.core.charts.lines import Scatter
from engine.core.result import Array, Table, WeightScores
from engine.core.run import Answer
from engine.unlearning import SSD, Importance, damping_table
from engine.unlearning.ssd.damping import Damped, damped, started

DOTS = 250  # weights that are drawn by chance, and as many that stand out most
DIALS = (("ratio", "Threshold α", 0.0, 2.0), ("strength", "Strength λ", -1.0, 1.0))


def ssd(detail: MethodDetail) -> Rows:
    ways = detail.question.case.methods
    method = next((way for way in ways if isinstance(way, SSD)), SSD())
    importance = Importance(method.batch, method.label_free)
    return [
        [
            Section(
                KEY,
                importance,
                detail.case.case,
                detail=lambda result: live(
                    detail, replace(method, ratio=started(detail.case.case, method)), result
                ),
            )
        ]
    ]


@st.fragment
def live(detail: MethodDetail, method: SSD, answer: Answer) -> None:
    """Plot, sliders and figures; a move reruns only this."""
    case, plot = detail.case.case, st.container()
    method = choose(method)
    damping = damped(case, method)
    forget, train = answer["forget"], answer["train"]
    weights = some_weights(str(answer.record["digest"]), forget, train)
    is_damped = weights["forgotten images"] > method.ratio * weights["all images"]
    drawn = Table.of(
        {**{name: (weights[name], "") for name in weights.order}, "damped": (is_damped, "")}
    )
    with plot:
        plots.show_figure(
            finished_figure(lines_of(method).figure, drawn),
            finding(method, damping),
            f"{KEY}.SSD.plot",
        )
    show_damage(damping, detail.table)
    st.caption(
        f"Each dot is a weight: to the right, how much it counts for all images; upwards, for the "
        f"forgotten ones. Drawn are {DOTS} weights by chance and the {DOTS} that stand out most. "
        "Above the first line a weight is damped; λ says what is left of it. Importances are "
        "computed once, so that moving a line takes no time."
    )

    def layers() -> None:
        ratio = started(case, method)
        layer_table = damping_table(forget.values, train.values, ratio, method.strength)
        tables.show_table(layer_table, f"{KEY}.SSD.layers")

    folded(tables.NUMBERS, f"{KEY}.SSD.numbers", layers)


def choose(method: SSD) -> SSD:
    settings: dict[str, Any] = {}
    for (name, word, low, high), column in zip(DIALS, st.columns(2), strict=True):
        start, decades = getattr(method, name), np.arange(low, high + 0.01, 0.1)
        stops = sorted({start, *(float(f"{10**at:.2g}") for at in decades)})
        settings[name] = column.select_slider(
            word, stops, start, key=f"{KEY}.SSD.live.{name}", format_func="{:g}".format
        )
    return replace(method, **settings)


@st.cache_resource(max_entries=8, show_spinner=False)
def some_weights(digest: str, _forget: WeightScores, _train: WeightScores) -> Table:
    """The weights that are drawn: few, since a browser draws them anew at every move."""
    del digest
    forget_values, train_values = flat(_forget), flat(_train)
    is_positive = (forget_values > 0) & (train_values > 0)
    forget_values, train_values = forget_values[is_positive], train_values[is_positive]
    by_chance = np.random.default_rng(0).permutation(len(forget_values))[:DOTS]
    chosen = np.union1d(by_chance, np.argsort(train_values / forget_values)[:DOTS])
    return Table.of(
        {"all images": (train_values[chosen], ""), "forgotten images": (forget_values[chosen], "")}
    )


def flat(scores: WeightScores) -> Array:
    """All weights in one row, always in the same order."""
    return np.concatenate([scores.values[name].ravel() for name in sorted(scores.values)])


def lines_of(method: SSD) -> Scatter:
    return Scatter(
        x="all images",
        y="forgotten images",
        log=True,
        y_log=True,
        size=4,
        height=400,
        groups=("damped", ("as it was", "damped")),
        x_title="counts for all images",
        title="counts for the forgotten images",
        rays={"α: damped above": method.ratio or 1.0, "λ: damped down to": method.strength},
    )


def finding(method: SSD, damping: Damped) -> str:
    return (
        f"At α = {method.ratio:g} and λ = {method.strength:g}, {damping.chosen:,} of "
        f"{damping.total:,} weights ({100 * damping.chosen / damping.total:.2g} %) are damped."
    )


def show_damage(damping: Damped, table: Table) -> None:
    values = {"UA": damping.unlearning, "RA": damping.retain, "TA": damping.test}
    for column, (name, value) in zip(st.columns(3), values.items(), strict=True):
        column.metric(FIGURES[name][0].capitalize(), percent(value))
        column.caption(escape_markdown(f"retrained: {percent(table.cell(GOAL, name))}"))
