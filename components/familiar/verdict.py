"""How unusual the image is: the scores with a line, and what that line promises."""

import streamlit as st

from components.charts.tables import as_column, figure_list
from components.draw.drawing import draw
from components.draw.placed import curve_with_mark
from components.draw.samples import draw_samples
from components.familiar.form import KEY, JudgedImage
from components.notices import escape_markdown
from components.picks import switch
from engine.core.charts.drawing import Views
from engine.evaluation.detection import findings
from engine.evaluation.detection.detector import ruler_in
from engine.evaluation.detection.standing import Standing, first_line, operating

CURVES = {"roc": "ROC", "pr": "Precision and recall", "oscr": "OSCR"}
MISSING = f"For a verdict, open a zip of at least {findings.ENOUGH} normal pictures below."


def sentence(question: JudgedImage, result: Views) -> str:
    return findings.verdict(
        question.method.title, question.case.normal, result, question.alpha, unlike=question.unlike
    )


@st.fragment
def picture(question: JudgedImage, result: Views) -> None:
    normal = question.case.normal
    if not Standing(result).decided:
        st.markdown(escape_markdown(f"{findings.only_score(normal, result)} {MISSING}"))
        return
    ruler = ruler_in(result, normal)
    first, problem = first_line(ruler, question.alpha)
    line = draw_samples(result, first, sentence(question, result), f"{KEY}.histogram")
    if problem:
        st.caption(escape_markdown(problem))
    left, right = st.columns(2, gap="large")
    with left:
        p_values(question, result)
    does, *promises = findings.promises(normal, result, ruler, line)
    right.markdown("  \n".join([f"**{does}**", *promises]))
    if "unknown" in result:
        with st.expander("How well this tells the unknown images, and where the line stands", True):
            show_curves(result, line)


def p_values(question: JudgedImage, result: Views) -> None:
    label = question.case.model.labels[int(result["subject"].predicted[0])]
    by_class = switch(
        "Compare within its class only",
        f"{KEY}.by-class",
        help=f"With the normal images in which the model sees the same: {label}.",
    )
    normal = question.case.normal
    shares, notes = findings.p_values(normal, result, escape_markdown(label), by_class=by_class)
    st.markdown("  \n".join([*(f"**{share}**" for share in shares), *notes]))


def show_curves(result: Views, line: float) -> None:
    points = operating(result, line)
    available = [name for name in CURVES if name in result]
    for place, name in zip(st.columns(len(available)), available, strict=True):
        with place:
            drawing = curve_with_mark(name, CURVES[name], result[name], points[name], "the line")
            draw(drawing, result, f"{KEY}.{name}")
    figure_list(as_column(result["measures"], "this detector"))
