"""Advice, and the two cross-loss matrices it comes from."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from components.charts import tables
from components.draw.tables import chart
from components.links import refuse
from components.which_explanation.charts import loss_chart
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
WITHHELD = (
    "No advice, because the image is not of the kind that this model learned from. What each "
    "explainer predicts of its score here is below."
)
FRESH = (
    "Judged at fresh samples, to which no explainer was fitted; “at its own samples” is what the "
    "same share was where the maps were made, where whoever was fitted there looks better than it "
    "is. KernelSHAP's two ends, nothing at all and the whole image, are not drawn and not judged. "
    "Where there is but one set of points to look at, the fresh sample is that set again."
)
MEASURED = {  # what is no forecast, by kind of change
    "Parts taken away, one at a time": (
        " Occlusion is this very measurement, so it is right by construction: what is worth "
        "reading is how near the others come."
    )
}
ENDS = (
    "★ marks the best of a column at the samples that the maps were fitted to, where being best "
    "at home proves nothing; the advice above is judged at fresh ones. "
    "KernelSHAP weighs two points, nothing at all and the whole image, each a hundred million "
    "times as much as all others together: the large numbers of its column are misses of that one "
    "difference. Between maps of brightness and maps of parts a number is exact only where a "
    "feature differs from nothing by one number all over, as a gray pixel does; else the closest "
    "weight is taken, and its error is mixed with the explainer's."
)


def show(answer: Answer, key: str, *, withheld: bool) -> None:
    """Advice for one kind of change, judged at fresh samples, and the matrices."""
    refuse(f"{key}.change", CHANGES, "Change", "one of " + ", ".join(CHANGES))
    change = st.pills(
        "Which change do you care about?", list(CHANGES), default=next(iter(CHANGES)),
        required=True, key=f"{key}.change", bind="query-params",
    )  # fmt: skip
    explained = shares(answer["fresh squared loss"], answer["fresh no change"].values[0])
    fitted = shares(answer["squared loss"], answer["no change"].values[0])
    if withheld:
        st.info(WITHHELD, icon=":material/block:")
    elif trusted(explained, change) is None:
        st.warning(advice(explained, change), icon=":material/block:")
    else:
        st.success(advice(explained, change), icon=":material/check_circle:")
    tables.numbers({f"{key}.shares": ranked(explained, fitted, change)})
    st.caption(FRESH)
    if not withheld:
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


def trusted(explained: Floats, change: str) -> int | None:
    """The row that foretells this change best; None where none is better than saying nothing."""
    found = np.nan_to_num(column(explained, change), nan=-np.inf)
    return int(found.argmax()) if found.max() > 0 else None


def advice(explained: Floats, change: str) -> str:
    """Who foretells this change best here, who comes next, and who is worst."""
    found = column(explained, change)
    what = in_sentence(change)
    if not np.isfinite(found).any():
        return f"Nothing moves the score here: {what} needs no explanation."
    order = ordered(found)
    if trusted(explained, change) is None:
        return (
            f"For **{what}**, trust none of the eight here: at fresh samples none foretells how "
            f"the score moves better than saying that nothing changes. {ROWS[order[0]]} comes "
            "nearest to that."
        )
    first, second, last = (ROWS[order[place]] for place in (0, 1, -1))
    best, next_, worst = (float(found[order[place]]) for place in (0, 1, -1))
    return (
        f"For **{what}**, trust **{first}** here: it foretells {share(best)} of how the score "
        f"moves. Next comes {second} ({share(next_)}); last is {last} ({share(worst)})."
        f"{MEASURED.get(change, '')}"
    )


def in_sentence(change: str) -> str:
    """A kind of change amid a sentence."""
    return change[0].lower() + change[1:]


def ordered(found: Floats) -> list[int]:
    """Rows from the largest share to the least, what is not known last."""
    order: list[int] = np.argsort(-np.nan_to_num(found, nan=-np.inf), kind="stable").tolist()
    return order


def share(value: float) -> str:
    """A share of one as a person would say it."""
    if not np.isfinite(value):
        return "not known"
    if value <= 0:
        return "worse than saying that nothing changes"
    return "over 99.9 %" if value > 0.999 else f"{100 * value:.1f} %"


def ranked(explained: Floats, fitted: Floats, change: str) -> Table:
    """The explainers from best to worst for one kind of change, (8, fresh and own samples)."""
    found = column(explained, change)
    order = ordered(found)
    both = np.stack([found, column(fitted, change)], 1)[order]
    names = ("foretold", "at its own samples")
    return Table(both, tuple(ROWS[place] for place in order), names, ("share", "share"))


def free_lunch(explained: Floats) -> str:
    """Whether one explainer wins everywhere, and what the winner of one change costs at another."""
    best = {change: trusted(explained, change) for change in CHANGES}
    winners = {change: row for change, row in best.items() if row is not None}
    lost = [in_sentence(change) for change in CHANGES if change not in winners]
    without = f" None is of use for {' or '.join(lost)}." if lost else ""
    names = {ROWS[row] for row in winners.values()}
    if not names:
        return "On this image none of the eight is of use for any of these changes."
    if len(names) == 1:
        kinds = "what can be foretold at all" if lost else "all kinds of change"
        return f"On this image {names.pop()} foretells {kinds} best.{without}"
    pairs = [
        (float(column(explained, away)[row]), ROWS[row], home, away)
        for home, row in winners.items()
        for away in winners
        if away != home
    ]
    least, name, home, away = min(pairs)
    told = (
        f"and foretells {share(least)} of {in_sentence(away)}"
        if least > 0
        else f"but about {in_sentence(away)} it is {share(least)}"
    )
    return (
        f"**No free lunch.** {len(winners)} kinds of change have {len(names)} different best "
        f"explainers here. {name} is best for {in_sentence(home)}, {told}.{without}"
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
            shape = loss_chart(view, still.values[place])
            chart(shape, view, words(view, title), f"{key}.{name}", wide=True)
    st.caption(ENDS)


def words(view: Table, title: str) -> str:
    """The finding of a matrix, for its caption and alt text."""
    best = view.values.argmin(0)
    own = sum(place == row for place, row in enumerate(best.tolist()))
    return (
        f"{title}. A row is an explainer, a column the place where it is tried, the number its "
        f"loss there in {view.units[0]}. Blue foretells better than saying that nothing changes, "
        f"orange worse; colors are by powers of ten. ★ marks the best of each column, at the "
        f"samples fitted to: {own} of {len(best)} are at home there."
    )
