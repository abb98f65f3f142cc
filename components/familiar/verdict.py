"""How unusual the image is: a sentence, the scores with a line, and what that line promises."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import streamlit as st

from components.charts.tables import figures, percent
from components.draw.drawing import Drawing, Views, draw
from components.draw.groups import PointGroups
from components.draw.samples import as_doubles, draw_samples
from components.familiar.form import KEY, FamiliarQuestion, group_word
from components.notices import plain
from engine.anomaly import Conformal
from engine.anomaly.detectors.detector import ruler_of
from engine.anomaly.protocol.conformal import COUNTS, INDEPENDENT
from engine.anomaly.protocol.standing import Standing, false_alarms, first_line, operating
from engine.data.folders import SHARES
from engine.result import Curve, Table

ENOUGH = ceil(INDEPENDENT * sum(SHARES) / sum(SHARES[1:]))  # pictures of a zip for a verdict
MORE = (
    " That is more than the line promises: by chance, or because these images are not quite like "
    "those that the line was drawn by."
)
CURVES = {"roc": "ROC", "pr": "Precision and recall", "oscr": "OSCR"}
LINE = "the line"  # as a place on a curve


def sentence(asked: FamiliarQuestion, found: Views) -> str:
    """How unusual the image is, in one sentence that its p-value bears out."""
    title, at = asked.method.title, Standing(found)
    if not at.decided:
        word = group_word(asked.case.normal) if at.by_group else "image"
        return (
            f"No verdict: {at.independent} independent normal {word}s, and {INDEPENDENT} are "
            "needed."
        )
    if at.smallest > asked.alpha:
        return (
            f"No verdict at {percent(asked.alpha)} false alarms: {at.independent} independent "
            f"normal images allow no p-value below {at.smallest:.2g}."
        )
    if at.p > asked.alpha:
        finding = f"{title} misses it" if asked.unlike else f"Nothing unusual by {title}"
        return (
            f"{finding}: {at.least} of {at.total} normal images are at least as unusual "
            f"(p = {at.p:.2g})."
        )
    others = f"{at.total - at.least} of {at.total}" if at.least else f"every one of {at.total}"
    return f"More unusual than {others} normal images by {title} (p = {at.p:.2g})."


def missing(asked: FamiliarQuestion, found: Views) -> str:
    """The score, the scores of the normal images, and what a verdict would take."""
    normal, at, word = as_doubles(found["normal"]), Standing(found), group_word(asked.case.normal)
    groups = f" They come from {at.independent} {word}s, and images of one {word} are alike."
    return (
        f"Its score is {at.score:.3g} ({found['subject'].unit}); those of {len(normal)} normal "
        f"images lie between {normal.min():.3g} and {normal.max():.3g}."
        f"{groups if at.by_group else ''} For a verdict, open a zip of at least {ENOUGH} pictures "
        "below that are normal for this model: some of them fit the detector, the others are "
        "compared with."
    )


@st.fragment
def picture(asked: FamiliarQuestion, found: Views) -> None:
    """Scores, line, p-values and what the line promises; moving the line reruns only this."""
    if not Standing(found).decided:
        st.markdown(plain(missing(asked, found)))
        return
    normal, groups = asked.case.normal, asked.case.normal.truth.get("group")
    groups = None if groups is None else groups[normal.places(found["normal"].ids)]
    ruler = ruler_of(found["normal"], groups)
    first, problem = first_line(ruler, asked.alpha)
    line = draw_samples(found, first, sentence(asked, found), f"{KEY}.histogram")
    if problem:
        st.caption(plain(problem))
    left, right = st.columns(2, gap="large")
    with left:
        p_values(asked, found)
    right.markdown("  \n".join(promises(asked, found, ruler, line)))
    if "unknown" in found:
        with st.expander("How well this tells the unknown images, and where the line stands", True):
            curves(found, line)


def p_values(asked: FamiliarQuestion, found: Views) -> None:
    """The p-value of the image, within its class and by group, each with its smallest value."""
    p, floor = found["p"].values, found["smallest"].values
    label = asked.case.model.labels[int(found["subject"].predicted[0])]
    by_class = st.toggle(
        "Compare within its class only", key=f"{KEY}.by-class", bind="query-params",
        help=f"With the normal images in which the model sees the same: {label}.",
    )  # fmt: skip
    among, at = ("among all normal images", 0)
    if by_class and np.isfinite(p[1]):
        among, at = f"among {int(found['counts'][COUNTS[1]])} images seen as {plain(label)}", 1
    shown = {among: at}
    if np.isfinite(p[2]):
        shown[f"counted by {group_word(asked.case.normal)}"] = 2
    lines = [
        f"**p-value {words}: {p[at]:.3g}** (the smallest that can be reached here is "
        f"{floor[at]:.2g})"
        for words, at in shown.items()
    ]
    if by_class and not at:
        few = f"Fewer than 20 normal images are seen as {plain(label)}, so all are compared."
        lines.insert(1, few)
    lines.append(
        "It is the share of normal images at least as unusual, this one counted in. It says how "
        "unusual the image is, not what is wrong with it."
    )
    st.markdown("  \n".join(lines))


def promises(asked: FamiliarQuestion, found: Views, ruler: Conformal, line: float) -> list[str]:
    """What the line promises, how sure that is, and how normal images that it never saw fare."""
    alpha = float(ruler.verdict_p(np.nextafter([line], np.inf))[0])
    promise, high = f"The line promises at most {percent(alpha)} false alarms", 1.0
    does = "lies" if Standing(found).score > line else "does not lie"
    lines = [f"**This image {does} above the line.**"]
    if alpha < 1 and ruler.groups is not None:
        word = group_word(asked.case.normal)
        lines.append(f"{promise}, counted by {word} over {ruler.independent} of them.")
    elif alpha < 1:
        low, high = ruler.band(alpha)
        lines.append(
            f"{promise}; with {len(ruler)} normal images the true rate lies between "
            f"{percent(low)} and {percent(high)} (nine times in ten)."
        )
    held = found["held"]
    if not np.array_equal(held.ids, found["normal"].ids):
        alarms, count = false_alarms(held, line), len(held.values)
        lines.append(
            f"A normal image stays calm: {percent(1 - alarms / count)} of {count} other normal "
            f"images stay below the line ({alarms} false alarms)."
            + (MORE if alarms / count > high else "")
        )
    return lines


# ---------------------------------------------------------------- against unknown images


def curves(found: Views, line: float) -> None:
    """ROC, precision over recall, and OSCR, each with where the line stands; and the measures."""
    points = operating(found, line)
    there = [name for name in CURVES if name in found]
    for place, name in zip(st.columns(len(there)), there, strict=True):
        with place:
            draw(curve(name, found[name], points[name]), found, f"{KEY}.{name}")
    figures(turned(found["measures"]))


def curve(name: str, view: Curve, point: tuple[float, float]) -> Drawing:
    """A curve, and the line's place on it."""
    (x, y), ends = point, (-2, 102)

    def with_line(one: Curve) -> Table:
        columns = {one.x_label: ([*one.x, x], "share"), one.y_label: ([*one.y, y], "share")}
        return Table.of(columns, [*[CURVES[name]] * len(one.x), LINE])

    return Drawing(
        name, CURVES[name], part=with_line,
        chart=PointGroups(
            x=view.x_label, y=view.y_label, looks={CURVES[name]: "line", LINE: "own"},
            span=ends, x_span=ends, height=280,
        ),
        finding=lambda _: f"At the line: {view.y_label} {y:.2f}, {view.x_label} {x:.2f}.",
    )  # fmt: skip


def turned(table: Table) -> Table:
    """One row of many numbers as one column; those that are not known are left out."""
    (row,) = table.values
    kept: Any = np.flatnonzero(np.isfinite(row))
    names = [table.order[at] for at in kept]
    return Table.grid(row[kept, None], names, ("this detector",), ("probability",))
