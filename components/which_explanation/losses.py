"""Advice, and the two cross-loss matrices it comes from."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from components.charts import plots, tables
from components.links import refuse
from components.which_explanation.charts import loss_figure
from engine.attribution.lfa import ROWS
from engine.result import Floats, Table
from engine.run import Answer

CHANGES = {  # what a person may care about, and the neighborhood that stands for it
    "Small changes of brightness": "C-LIME",
    "Parts taken away, one at a time": "Occlusion",
    "Parts taken away, many at once": "LIME",
    "Parts taken away, any number": "KernelSHAP",
    "The whole image fading": "Integrated gradients",
}
LOSSES = {
    "How the score moves": ("squared loss", "squared error of the foretold score"),
    "How the slopes point": ("gradient loss", "squared distance to the slopes"),
}
ENDS = (
    "KernelSHAP weighs two points, nothing at all and the whole image, a hundred million times as "
    "much as any other: the large numbers of its column are misses of that one difference."
)


def show(answer: Answer, key: str) -> None:
    """Advice for one kind of change, and the matrices."""
    squared, still = answer["squared loss"], answer["no change"]
    refuse(f"{key}.change", CHANGES, "Change", "one of " + ", ".join(CHANGES))
    change = st.pills(
        "Which change do you care about?", list(CHANGES), default=next(iter(CHANGES)),
        required=True, key=f"{key}.change", bind="query-params",
    )  # fmt: skip
    explained = shares(squared, still.values[0])
    st.success(advice(explained, change), icon=":material/check_circle:")
    tables.numbers({f"{key}.shares": ranked(explained, change)})
    st.markdown(free_lunch(explained))
    matrices(answer, key)


def shares(squared: Table, still: Floats) -> Floats:
    """Of how the score moves in each neighborhood, the share that each explainer foretells.

    1 is all of it, 0 no more than saying that nothing changes, below 0 worse than that; (8, 8).
    NaN where nothing moves.
    """
    base = np.where(still > 0, still, np.nan).astype(np.float64)
    found: Floats = (1 - squared.values / base).astype(np.float32)
    return found


def column(explained: Floats, change: str) -> Floats:
    """Every explainer's share for one kind of change, (8,)."""
    found: Floats = explained[:, ROWS.index(CHANGES[change])]
    return found


def advice(explained: Floats, change: str) -> str:
    """Who foretells this change best here, who comes next, and who is worst."""
    found = column(explained, change)
    what = change[0].lower() + change[1:]
    if not np.isfinite(found).any():
        return f"Nothing moves the score here: {what} needs no explanation."
    order = np.argsort(-np.nan_to_num(found, nan=-np.inf), kind="stable")
    first, second, last = (ROWS[order[place]] for place in (0, 1, -1))
    best, next_, worst = (float(found[order[place]]) for place in (0, 1, -1))
    return (
        f"For **{what}**, trust **{first}** here: it foretells {share(best)} of how the score "
        f"moves. Next comes {second} ({share(next_)}); last is {last} ({share(worst)})."
    )


def share(value: float) -> str:
    """A share of one as a person would say it."""
    if not np.isfinite(value):
        return "not known"
    if value < 0:
        return "worse than saying that nothing changes"
    return "over 99.9 %" if value > 0.999 else f"{100 * value:.1f} %"


def ranked(explained: Floats, change: str) -> Table:
    """The explainers from best to worst for one kind of change."""
    found = column(explained, change)
    order = np.argsort(-np.nan_to_num(found, nan=-np.inf), kind="stable")
    rows = tuple(ROWS[place] for place in order)
    return Table(found[order][:, None], rows, ("foretold",), ("share",))


def free_lunch(explained: Floats) -> str:
    """Whether one explainer wins everywhere, and what the winner of one change costs at another."""
    winners = {
        change: int(np.nanargmax(column(explained, change)))
        for change in CHANGES
        if np.isfinite(column(explained, change)).any()
    }
    names = sorted({ROWS[row] for row in winners.values()})
    if len(names) < 2:
        return f"On this image {', '.join(names) or 'none'} foretells all kinds of change best."
    pairs = [
        (float(column(explained, change)[row]), ROWS[row], home, change)
        for home, row in winners.items()
        for change in winners
    ]
    least, name, home, away = min(pairs)
    told = f"{share(least)} of" if least >= 0 else f"{share(least)} about"
    return (
        f"**No free lunch.** The {len(winners)} kinds of change have {len(names)} different best "
        f"explainers here. {name} is best for {home[0].lower() + home[1:]}, and foretells {told} "
        f"{away[0].lower() + away[1:]}."
        if least >= 0
        else f"**No free lunch.** The {len(winners)} kinds of change have {len(names)} different "
        f"best explainers here. {name} is best for {home[0].lower() + home[1:]}; about "
        f"{away[0].lower() + away[1:]} it is {share(least)}."
    )


def matrices(answer: Answer, key: str) -> None:
    """Both matrices side by side, each with its words and its numbers."""
    st.markdown("**Every explainer, tried where the others look**")
    still: Any = answer["no change"]
    for place, (slot, (title, (name, about))) in enumerate(
        zip(st.columns(2), LOSSES.items(), strict=True)
    ):
        with slot:
            st.markdown(f"{title}: {about}")
            view = answer[name]
            plots.with_table(
                loss_figure(view, still.values[place]), words(view, title),
                {"losses": view}, f"{key}.{name}", wide=True,
            )  # fmt: skip
    st.caption(ENDS)


def words(view: Table, title: str) -> str:
    """The finding of a matrix, for its caption and alt text."""
    best = view.values.argmin(0)
    own = sum(place == row for place, row in enumerate(best.tolist()))
    return (
        f"{title}. A row is an explainer, a column the place where it is tried, the number its "
        f"loss there in {view.units[0]}. Blue foretells better than saying that nothing changes, "
        f"orange worse; colors are by powers of ten. ★ marks the best of each column: {own} of "
        f"{len(best)} are at home there."
    )
