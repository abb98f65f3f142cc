"""Every strategy as the slow tests measured it: rates, costs, and what changes nothing here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import exp

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from components.charts import plots, tables
from components.charts.style import COLORS, MARGINS, SYMBOLS, theme
from components.decoding.asked import KEY, Compared
from components.notices import plain as escaped
from engine.hallucination import OPERA, STRATEGIES
from engine.hallucination.comparison import (
    COSTS,
    DRAWS,
    RATES,
    SAME,
    SCENES,
    TRUST,
    plain,
    summary,
)  # fmt: skip
from engine.hallucination.over_trust import FELT, needed
from engine.result import Table

SHOWN = (*RATES, *COSTS, SAME)
UNITS = {"words": "words", "passes": "", "places": ""}
TITLES = {kind.name: kind.title for kind in STRATEGIES}

Figures = Mapping[str, NDArray[np.float64]]
Summary = Mapping[str, Figures]


def show(found: Compared) -> None:
    """The figures of the model that is asked, folded away."""
    with st.expander(f"Every strategy, measured on {len(DRAWS)} draws of {SCENES} scenes"):
        held = summary(found.case.vlm.name)
        if not held:
            st.info("This model was not measured.")
            return
        trade(held)
        st.markdown("**Means over the draws**")
        tables.table(table(held, mean), f"{KEY}.measured", whole=True)
        st.markdown("**Standard deviations over the draws**")
        tables.table(table(held, deviation), f"{KEY}.deviations", whole=True)
        for sentence in sentences(held):
            st.markdown(f"- {escaped(sentence)}")
        st.caption(
            f"{escaped(found.case.vlm.title)}, default settings, partners that come and go on "
            "their own. Passes and places: one description asked alone; of MVP one answer. "
            f"“{SAME}”: captions that are word for word those of greedy decoding, of OPERA those "
            "of beam search. MVP describes nothing."
        )


def trade(held: Summary) -> None:
    """Recall across, CHAIR_i upward, a cross of deviations for each strategy."""
    figure = go.Figure()
    for at, (name, figures) in enumerate(described(held).items()):
        color, symbol = COLORS[theme()][at % 3], SYMBOLS[at % len(SYMBOLS)]
        recall, invented = 100 * figures["recall"], 100 * figures["CHAIR_i"]
        figure.add_scatter(
            x=[recall.mean()], y=[invented.mean()], name=TITLES[name], mode="markers",
            marker={"size": 14, "symbol": symbol, "color": color},
            error_x={"array": [deviation(recall)], "thickness": 1, "color": color},
            error_y={"array": [deviation(invented)], "thickness": 1, "color": color},
            hovertemplate=f"{TITLES[name]}: recall %{{x:.0f}} %, made up %{{y:.1f}} %"
            "<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title_text="recall: % of the things there that are named →",
                        fixedrange=True)  # fmt: skip
    figure.update_yaxes(title_text="← CHAIR_i: % of mentions made up", fixedrange=True,
                        rangemode="tozero")  # fmt: skip
    figure.update_layout(
        height=420, margin=MARGINS | {"t": 30},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )  # fmt: skip
    best = min(described(held), key=lambda name: described(held)[name]["CHAIR_i"].mean())
    words = (
        f"Better is to the right and lower. Least is made up by {TITLES[best]}: "
        f"{100 * held[best]['CHAIR_i'].mean():.1f} % of the mentions. Bars: one standard deviation "
        "over the draws."
    )
    plots.drawn(figure, words, f"{KEY}.measured.trade")


def described(held: Summary) -> Summary:
    """Those that describe."""
    return {name: each for name, each in held.items() if np.isfinite(each["CHAIR_i"]).all()}


def table(held: Summary, of: Callable[[NDArray[np.float64]], float]) -> Table:
    """A row for each strategy."""
    values = [[float(of(figures[name])) for name in SHOWN] for figures in held.values()]
    units = tuple(UNITS.get(name, "share") for name in SHOWN)
    return Table(np.array(values, np.float32), tuple(TITLES[name] for name in held), SHOWN, units)


def mean(values: NDArray[np.float64]) -> float:
    """Over the draws."""
    return float(values.mean())


def deviation(values: NDArray[np.float64]) -> float:
    """The sample's standard deviation."""
    return float(values.std(ddof=1))


def sentences(held: Summary) -> list[str]:
    """What changes next to nothing on this model, and whether OPERA's penalty is felt."""
    told = []
    for name, figures in described(held).items():
        other = next(plain(kind()) for kind in STRATEGIES if kind.name == name)
        if name != other and other in held:
            told += unmoved(name, figures, other, held[other])
    if OPERA.name in held:
        told.append(trust_words(held[OPERA.name]))
    return told


def unmoved(name: str, figures: Figures, other: str, others: Figures) -> list[str]:
    """That what is made up moves less than it does from draw to draw; nothing where it moves."""
    change = 100 * (figures["CHAIR_i"] - others["CHAIR_i"])  # of the same scenes, in points
    if abs(change.mean()) > deviation(change):
        return []
    moved = f"{change.mean():+.1f} ± {deviation(change):.1f}".replace("-", "−")
    return [
        f"{TITLES[name]} makes up as much as {TITLES[other]}, as far as these draws show: CHAIR_i "
        f"changes by {moved} points; {100 * figures[SAME].mean():.0f} % of the captions are the "
        "same word for word."
    ]


def trust_words(figures: Figures) -> str:
    """Whether OPERA's φ is felt, and what it would take."""
    log, words, share = (float(figures[name].mean()) for name in TRUST)
    method = OPERA()
    penalty = method.weight * exp(log)
    verdict = "it is felt" if penalty >= FELT else "it is not felt"
    return (
        f"OPERA: a caption's largest φ is e^{log:.1f} on average and lowers a score by "
        f"{penalty:.2g} nats: {verdict}. {takes(words, share, method.scale)} Its captions differ "
        f"from beam search's by the reward for looking at the image in the first {method.early} "
        f"words, and because only {method.candidates} candidates are tried."
    ).replace("e^-", "e^−")


def takes(words: float, share: float, scale: float) -> str:
    """How much attention a column has, and how much it would need for φ = 1."""
    least = needed(words, scale)
    more = "more than there is" if least > 1 else f"{100 * least:.0f} % from each"
    return (
        f"Its column goes over {words:.1f} words and gets {100 * share:.0f} % of each one's "
        f"attention; for φ = 1 over so few words it would take {more}."
    )
