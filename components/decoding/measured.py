"""Every strategy as the slow tests measured it: rates, costs, and what changes nothing here."""

from collections.abc import Mapping
from math import exp

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components.decoding import scenes
from components.decoding.form import KEY, Compared
from components.draw import tables
from components.notices import escape_markdown as escaped
from engine.core.result import Table
from engine.hallucination import OPERA, STRATEGIES
from engine.hallucination.measures.comparison import (
    BACK,
    COSTS,
    DRAWS,
    RATES,
    SAME,
    TRUST,
    baseline_name,
    scenes_of,
    summary,
)
from engine.hallucination.measures.over_trust import FELT, attention_threshold

TABLE_FIGURES = (*RATES, *COSTS, SAME)
LITTLE = 0.8  # of the recall of the plain way, below which that is said
UNITS = {"words": "words", "passes": "", "places": ""}
TITLES = {kind.name: kind.title for kind in STRATEGIES}
Figures = Mapping[str, NDArray[np.float64]]
Summary = Mapping[str, Figures]


def show(comparison: Compared) -> None:
    name = comparison.case.vlm.name
    with st.expander(f"Every strategy, measured on {len(DRAWS)} draws of {scenes_of(name)} scenes"):
        figures = summary(name)
        if not figures:
            st.info("This model was not measured.")
            return
        rates = mean_and_deviation(figures)
        trade = scenes.trade(rates, ("recall ±", "CHAIR_i ±"))
        finding = scenes.trade_words(rates) + " Bars and ±: one standard deviation over the draws."
        tables.draw_chart(trade, rates, finding, f"{KEY}.measured")
        for sentence in sentences(figures):
            st.markdown(f"- {escaped(sentence)}")
        st.caption(
            f"{escaped(comparison.case.vlm.title)}, default settings, partners that come and go on "
            "their own. Passes and places: one description asked alone; of MVP one answer. "
            f"“{SAME}”: captions that are word for word those of greedy decoding, of OPERA those "
            "of beam search."
        )


def mean_and_deviation(strategy_figures: Summary) -> Table:
    """The mean and the sample's standard deviation of every figure, a row for each strategy."""
    columns = {}
    for name in TABLE_FIGURES:
        draws = np.stack([figures[name] for figures in strategy_figures.values()])
        unit = UNITS.get(name, "share")
        columns[name], columns[f"{name} ±"] = (draws.mean(1), unit), (draws.std(1, ddof=1), unit)
    return Table.of(columns, [TITLES[name] for name in strategy_figures])


def sentences(strategy_figures: Summary) -> list[str]:
    lines = []
    for name, figures in strategy_figures.items():
        other = next(baseline_name(kind()) for kind in STRATEGIES if kind.name == name)
        if name != other and other in strategy_figures and np.isfinite(figures["CHAIR_i"]).all():
            lines += unmoved(name, figures, other, strategy_figures[other])
    if OPERA.name in strategy_figures:
        lines.append(trust_words(strategy_figures[OPERA.name]))
    return lines


def unmoved(name: str, figures: Figures, other: str, others: Figures) -> list[str]:
    change = 100 * (figures["CHAIR_i"] - others["CHAIR_i"])  # of the same scenes, in points
    deviation = float(change.std(ddof=1))
    if abs(change.mean()) > deviation:
        return []
    moved = f"{change.mean():+z.1f} ± {deviation:.1f}".replace("-", "−")
    same = f"{100 * figures[SAME].mean():.0f} % of the captions are the same word for word."
    other_recall, recall = (100 * float(table["recall"].mean()) for table in (others, figures))
    less = f". But it finds {recall:.0f} % of the things, {TITLES[other]} {other_recall:.0f} %. "
    return [
        f"{TITLES[name]} makes up as much as {TITLES[other]}, as far as these draws show: CHAIR_i "
        f"changes by {moved} points{less if recall < LITTLE * other_recall else '; '}{same}"
    ]


def trust_words(figures: Figures) -> str:
    log, words, share = (float(figures[name].mean()) for name in TRUST)
    method = OPERA()
    penalty = method.weight * exp(log)
    verdict = "it is felt" if penalty >= FELT else "it is not felt"
    back = float(figures[BACK].mean())
    goes = back > 0  # NaN where it was not counted
    went = (
        f"It goes back {back:.1f} times in a caption, and φ of what is taken back is not counted. "
        if goes
        else ""
    )
    reasons = "what going back rejects, " if goes else ""
    return (
        f"OPERA: a caption's largest φ is e^{log:.1f} on average and lowers a score by "
        f"{penalty:.2g} nats: {verdict}. {takes(words, share, method.scale)} {went}Its captions "
        f"differ from beam search's by {reasons}the reward for looking at the image in the first "
        f"{method.early} words, and because only {method.candidates} candidates are tried."
    ).replace("e^-", "e^−")


def takes(words: float, share: float, scale: float) -> str:
    """How much attention a column has, and how much it would need for φ = 1."""
    least = attention_threshold(words, scale)
    more = "more than there is" if least > 1 else f"{100 * least:.0f} % from each"
    return (
        f"Its column goes over {words:.1f} words and gets {100 * share:.0f} % of each one's "
        f"attention; for φ = 1 over so few words it would take {more}."
    )
