"""How unusual the image is: the scores with a line, and what that line promises."""

from __future__ import annotations

import streamlit as st

from components.charts.tables import as_column, figures
from components.draw.drawing import Views, draw
from components.draw.placed import placed
from components.draw.samples import draw_samples
from components.familiar.form import KEY, FamiliarQuestion
from components.notices import plain
from components.picks import switch
from engine.anomaly.detectors.detector import ruler_in
from engine.anomaly.protocol import findings
from engine.anomaly.protocol.standing import Standing, first_line, operating

CURVES = {"roc": "ROC", "pr": "Precision and recall", "oscr": "OSCR"}
MISSING = f"For a verdict, open a zip of at least {findings.ENOUGH} normal pictures below."


def sentence(asked: FamiliarQuestion, found: Views) -> str:
    """How unusual the image is, at the false alarms that the person allows."""
    return findings.verdict(
        asked.method.title, asked.case.normal, found, asked.alpha, unlike=asked.unlike
    )


@st.fragment
def picture(asked: FamiliarQuestion, found: Views) -> None:
    """Scores, line, p-values and what the line promises; moving the line reruns only this."""
    normal = asked.case.normal
    if not Standing(found).decided:
        st.markdown(plain(f"{findings.only_score(normal, found)} {MISSING}"))
        return
    ruler = ruler_in(found, normal)
    first, problem = first_line(ruler, asked.alpha)
    line = draw_samples(found, first, sentence(asked, found), f"{KEY}.histogram")
    if problem:
        st.caption(plain(problem))
    left, right = st.columns(2, gap="large")
    with left:
        p_values(asked, found)
    does, *promises = findings.promises(normal, found, ruler, line)
    right.markdown("  \n".join([f"**{does}**", *promises]))
    if "unknown" in found:
        with st.expander("How well this tells the unknown images, and where the line stands", True):
            curves(found, line)


def p_values(asked: FamiliarQuestion, found: Views) -> None:
    """The p-value of the image, within its class and by group, each with its smallest value."""
    label = asked.case.model.labels[int(found["subject"].predicted[0])]
    by_class = switch(
        "Compare within its class only",
        f"{KEY}.by-class",
        help=f"With the normal images in which the model sees the same: {label}.",
    )
    normal = asked.case.normal
    shares, notes = findings.p_values(normal, found, plain(label), by_class=by_class)
    st.markdown("  \n".join([*(f"**{share}**" for share in shares), *notes]))


def curves(found: Views, line: float) -> None:
    """ROC, precision over recall, and OSCR, each with where the line stands; and the measures."""
    points = operating(found, line)
    there = [name for name in CURVES if name in found]
    for place, name in zip(st.columns(len(there)), there, strict=True):
        with place:
            drawing = placed(name, CURVES[name], found[name], points[name], "the line")
            draw(drawing, found, f"{KEY}.{name}")
    figures(as_column(found["measures"], "this detector"))
