"""The finding of Familiar?: one sentence, the histogram with its line, and what that promises."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import streamlit as st

from components.familiar import charts
from components.familiar.asked import Asked
from components.familiar.sources import KEY, group_word
from components.notices import plain
from components.widgets.histogram import Shown, histogram
from engine.anomaly import Conformal
from engine.anomaly.conformal import INDEPENDENT
from engine.anomaly.detector import ruler_of
from engine.data.folders import SHARES
from engine.errors import BadSetting
from engine.run import Answer

ENOUGH = ceil(INDEPENDENT * sum(SHARES) / sum(SHARES[1:]))  # pictures of a zip for a verdict
MORE = (
    " That is more than the line promises: by chance, or because these images are not quite like "
    "those that the line was drawn by."
)


def independent(found: Answer) -> int:
    """How many independent normal images, or groups of them, the image is compared with."""
    floor = float(found["smallest"].values[2])
    return round(1 / floor) - 1 if np.isfinite(floor) else int(found["counts"].values[0])


def verdict_p(found: Answer) -> float:
    """The p-value that the verdict rests on: by group where normal images come in groups."""
    pooled, _, by_group = (float(one) for one in found["p"].values)
    return by_group if np.isfinite(by_group) else pooled


def sentence(asked: Asked, found: Answer) -> str:
    """How unusual the image is, in one sentence that its p-value bears out."""
    title, count, p = asked.method.title, independent(found), verdict_p(found)
    if count < INDEPENDENT:
        word = group_word(asked.case.normal) if by_group(found) else "image"
        return f"No verdict: {count} independent normal {word}s, and {INDEPENDENT} are needed."
    if 1 / (count + 1) > asked.alpha:
        return (
            f"No verdict at {percent(asked.alpha)} false alarms: {count} independent normal images "
            f"allow no p-value below {1 / (count + 1):.2g}."
        )
    total, _, least = (int(one) for one in found["counts"].values)
    if p > asked.alpha:
        finding = f"{title} misses it" if asked.unlike else f"Nothing unusual by {title}"
        return f"{finding}: {least} of {total} normal images are at least as unusual (p = {p:.2g})."
    others = f"every one of {total}" if not least else f"{total - least} of {total}"
    return f"More unusual than {others} normal images by {title} (p = {p:.2g})."


def by_group(found: Answer) -> bool:
    """Whether normal images come in groups."""
    return bool(np.isfinite(found["smallest"].values[2]))


def missing(asked: Asked, found: Answer) -> str:
    """The score, the scores of the normal images, and what a verdict would take."""
    normal, subject = as_doubles(found["normal"]), found["subject"]
    word = group_word(asked.case.normal)
    groups = (
        f" They come from {independent(found)} {word}s, and images of one {word} are alike."
        if by_group(found)
        else ""
    )
    return (
        f"Its score is {float(subject.values[0]):.3g} ({subject.unit}); those of "
        f"{len(normal)} normal images lie between {normal.min():.3g} and {normal.max():.3g}."
        f"{groups} For a verdict, open a zip of at least {ENOUGH} pictures below that are normal "
        "for this model: some of them fit the detector, the others are compared with."
    )


@st.fragment
def judged(asked: Asked, found: Answer) -> None:
    """Histogram, line, p-values and what the line promises; moving the line reruns only this."""
    ruler = ruler_of(found["normal"], groups_of(asked, found))
    first, problem = first_line(ruler, asked.alpha)
    line = histogram(shown(found, first), sentence(asked, found), f"{KEY}.histogram")
    if problem:
        st.caption(plain(problem))
    left, right = st.columns(2, gap="large")
    with left:
        p_values(asked, found)
    with right:
        promise(asked, found, ruler, line)
    if "unknown" in found.views:
        with st.expander("How well this tells the unknown images, and where the line stands", True):
            charts.curves(found, line, KEY)


def groups_of(asked: Asked, found: Answer) -> Any:
    """The group of each normal image that is compared with; None without groups."""
    groups = asked.case.normal.truth.get("group")
    return None if groups is None else groups[asked.case.normal.places(found["normal"].ids)]


def first_line(ruler: Conformal, alpha: float) -> tuple[float, str]:
    """Where the line begins; above every normal image, and why, when α cannot be promised."""
    try:
        grouped = ruler.groups is not None
        return (ruler.threshold_by_group if grouped else ruler.threshold)(alpha), ""
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


def promise(asked: Asked, found: Answer, ruler: Conformal, line: float) -> None:
    """What the line promises, how sure that is, and how normal images that it never saw fare."""
    alpha = float(ruler.verdict_p(np.nextafter([line], np.inf))[0])
    score = float(found["subject"].values[0])
    verdict = "lies above the line" if score > line else "does not lie above the line"
    lines = [f"**This image {verdict}.**"]
    low, high = 0.0, 1.0
    if alpha < 1 and ruler.groups is not None:
        word = group_word(asked.case.normal)
        lines.append(
            f"The line promises at most {percent(alpha)} false alarms, counted by {word} over "
            f"{ruler.independent} of them."
        )
    elif alpha < 1:
        low, high = ruler.band(alpha)
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
