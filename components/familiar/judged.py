"""The finding of Familiar?: one sentence, the histogram with its line, and what that promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from components.familiar import charts
from components.familiar.asked import Asked
from components.familiar.sources import KEY, group_word
from components.notices import plain
from components.widgets.histogram import Shown, histogram
from engine.anomaly import Conformal
from engine.anomaly.detector import ruler_of
from engine.errors import BadSetting
from engine.run import Answer

FEW = 20  # normal images, or groups of them, below which a hint is due
MORE = (
    " That is more than the line promises: by chance, or because these images are not quite like "
    "those that the line was drawn by."
)


def sentence(found: Answer) -> str:
    """How unusual the image is, in one sentence."""
    total, _, least = (int(one) for one in found["counts"].values)
    below = total - least
    if below == total:
        return f"More unusual than every one of {total} normal images."
    if below <= total / 2:
        return f"Nothing unusual: {least} of {total} normal images are at least as unusual."
    return f"More unusual than {below} of {total} normal ones."


def few(asked: Asked, found: Answer) -> str:
    """A warning where the normal images are too few to say much."""
    total, floor = int(found["counts"].values[0]), float(found["smallest"].values[2])
    if np.isfinite(floor) and (groups := round(1 / floor) - 1) < FEW:
        word = group_word(asked.case.normal)
        return (
            f"These {total} normal images come from only {groups} {word}s, which are alike among "
            "themselves: take it as a hint, and bring a folder of your own for more."
        )
    if total < FEW:
        return f"Only {total} normal images are compared with: take it as a hint."
    return ""


@st.fragment
def judged(asked: Asked, found: Answer) -> None:
    """Histogram, line, p-values and what the line promises; moving the line reruns only this."""
    ruler = ruler_of(found["normal"])
    first, problem = first_line(ruler, asked.alpha)
    line = histogram(shown(found, first), sentence(found), f"{KEY}.histogram")
    if problem:
        st.caption(plain(problem))
    left, right = st.columns(2, gap="large")
    with left:
        p_values(asked, found)
    with right:
        promise(found, ruler, line)
    if "unknown" in found.views:
        with st.expander("How well this tells the unknown images, and where the line stands", True):
            charts.curves(found, line, KEY)


def first_line(ruler: Conformal, alpha: float) -> tuple[float, str]:
    """Where the line begins; above every normal image, and why, when α cannot be promised."""
    try:
        return ruler.threshold(alpha), ""
    except BadSetting as error:
        return float(ruler.scores.max()), str(error)


def shown(found: Answer, line: float) -> Shown:
    """The scores that the histogram shows."""
    views: dict[str, Any] = dict(found)
    normal = as_doubles(views["normal"])
    same = np.array_equal(views["normal"].ids, views["held"].ids)
    held = normal if same else as_doubles(views["held"])
    unknown = as_doubles(views["unknown"]) if "unknown" in views else np.empty(0)
    score = float(views["subject"].values[0])
    return Shown(normal, held, unknown, score, line, views["subject"].unit)


def as_doubles(view: Any) -> Any:
    """Scores in float64."""
    return np.asarray(view.values, np.float64)


def p_values(asked: Asked, found: Answer) -> None:
    """The p-value of the image, within its class and by group, each with its smallest value."""
    p, floor = found["p"].values, found["smallest"].values
    _, own, _ = (int(one) for one in found["counts"].values)
    model, seen = asked.case.model, int(found["subject"].predicted[0])
    label = plain(model.labels[seen])
    by_class = st.toggle(
        "Compare within its class only", key=f"{KEY}.by-class", bind="query-params",
        help=f"With the normal images in which the model sees the same: {model.labels[seen]}.",
    )  # fmt: skip
    lines = []
    if by_class and np.isfinite(p[1]):
        lines.append(value_line(f"p-value among {own} images seen as {label}", p[1], floor[1]))
    else:
        lines.append(value_line("p-value among all normal images", p[0], floor[0]))
        if by_class:
            lines.append(f"Fewer than 20 normal images are seen as {label}, so all are compared.")
    if np.isfinite(p[2]):
        word = group_word(asked.case.normal)
        lines.append(value_line(f"p-value counted by {word}", p[2], floor[2]))
    lines.append(
        "It is the share of normal images at least as unusual, this one counted in. It says how "
        "unusual the image is, not what is wrong with it."
    )
    st.markdown("  \n".join(lines))


def value_line(words: str, p: float, floor: float) -> str:
    """A p-value and the smallest that could have been reached."""
    return f"**{words}: {p:.3g}** (the smallest that can be reached here is {floor:.2g})"


def promise(found: Answer, ruler: Conformal, line: float) -> None:
    """What the line promises, how sure that is, and how normal images that it never saw fare."""
    above = int((ruler.scores > line).sum())
    alpha = (above + 1) / (len(ruler) + 1)
    score = float(found["subject"].values[0])
    verdict = "lies above the line" if score > line else "does not lie above the line"
    lines = [f"**This image {verdict}.**"]
    low, high = ruler.band(alpha) if alpha < 1 else (0.0, 1.0)
    if alpha < 1:
        lines.append(
            f"The line promises at most {percent(alpha)} false alarms; with {len(ruler)} normal "
            f"images the true rate lies between {percent(low)} and {percent(high)} "
            "(nine times in ten)."
        )
    held = found["held"]
    if not np.array_equal(held.ids, found["normal"].ids):
        alarms = int((held.values > line).sum())
        calm = 1 - alarms / len(held.values)
        lines.append(
            f"A normal image stays calm: {percent(calm)} of {len(held.values)} other normal images "
            f"stay below the line ({alarms} false alarms)." + (MORE if 1 - calm > high else "")
        )
    st.markdown("  \n".join(lines))


def percent(share: float) -> str:
    """A share with as many digits as it needs."""
    return f"{100 * share:.3g} %"
