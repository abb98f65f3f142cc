"""The answer to one image: its parts, prototype by prototype, its certificate and what flips it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components.draw.drawing import draw
from components.notices import escape_markdown
from components.prototypes.form import KEY, PrototypeQuestion, class_name, label_of, network_of
from components.section import Section
from components.sidebar.pictures import enlarged
from components.widgets.pictures import show_picture
from engine.attribution.cbc.learning import head_of
from engine.attribution.cbc.networks import INDEFINITE
from engine.attribution.cbc.reasons import (
    LEFT_OUT,
    NEGATIVE_PARTS,
    PARTS,
    POSITIVE_PARTS,
    bar_table,
    ignored_words,
    summed,
    with_indefinite,
)
from engine.core import run
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.charts.stacked import Stacked
from engine.core.result import Table

STACKED = Stacked(
    parts={part: part for part in PARTS}, rest=PARTS[-1], title="% of the reasoning", written=True
)
LOW = 284  # px, so that a bar more stands in the first screen too
OLD = replace(
    STACKED,
    parts={part: part for part in (*PARTS, LEFT_OUT)},
    hollow=LEFT_OUT,
    title="% of each prototype's reasoning",
    span=(0, 100),
    height=LOW,
)
FEW = 6  # prototypes that alone could flip the answer


def show(question: PrototypeQuestion, below: DeltaGenerator) -> None:
    evidence = [proved(), Drawing("flip", "What would flip it"), single(question), rival(question)]
    network = network_of(question)
    Section(
        KEY,
        question.method,
        question.case,
        "",
        known=question.known,
        picture=partial(show_parts, question),
        evidence=evidence,
        below=below,
        first=[(network, question.case.learned, f"{KEY}.{network.name}")],
    ).show()


def show_parts(question: PrototypeQuestion, result: Views) -> None:
    left, right = st.columns([1, 3.2], gap="medium", vertical_alignment="top")
    with left:
        caption = answer_sentence(question, result)
        show_picture(
            enlarged(question.case.shown),
            caption,
            width="stretch",
            caption=escape_markdown(caption),
        )
        st.caption(escape_markdown(scores_text(question, result)))
    with right:
        draw(Drawing("picture"), result, f"{KEY}.picture")
        draw(bars(question, result), result, f"{KEY}.bars")
        if ignored := ignored_words(result["outcome"], question.method.reasoning):
            st.caption(escape_markdown(ignored))


def answer_sentence(question: PrototypeQuestion, result: Views) -> str:
    if not label_of(question):
        return "your image, as the network sees it"
    wrong = class_name(question, result["outcome"]["answer"][0]) != label_of(question)
    return f"labeled {label_of(question)}{', so the answer is wrong' if wrong else ''}"


def scores_text(question: PrototypeQuestion, result: Views) -> str:
    outcome = result["outcome"]
    return (
        f"{class_name(question, outcome['answer'][0])} scores {100 * outcome['score'][0]:.0f} %, "
        f"{class_name(question, outcome['rival'][0])} {100 * outcome['second'][0]:.0f} %."
    )


def bars(question: PrototypeQuestion, result: Views) -> Drawing:
    title = f"What makes the score of {class_name(question, result['outcome']['answer'][0])}"
    if question.method.reasoning == INDEFINITE:
        return indefinite_parts_drawing("parts", title, own_parts)
    return Drawing("parts", title, STACKED, partial(parts_sentence, "parts"), part=summed)


def parts_sentence(view: str, result: Views) -> str:
    sums = [100 * float(result[view][part].sum()) for part in PARTS]
    listing = ", ".join(f"{part} {share:.0f} %" for part, share in zip(PARTS, sums, strict=True))
    return f"{listing[0].upper()}{listing[1:]}. The first two are the score; all four make 100 %."


def indefinite_parts_drawing(view: str, title: str, of: Callable[[Views], Table]) -> Drawing:
    return Drawing(
        view,
        title,
        OLD,
        lambda result: reasoning_text(of(result)),
        made=lambda result: bar_table(of(result)),
    )


def own_parts(result: Views) -> Table:
    return with_indefinite(result["parts"], float(result["outcome"]["left out"][0]))


def reasoning_text(parts_table: Table) -> str:
    positive, negative, indefinite = (
        100 * sum(float(parts_table[part].mean()) for part in parts)
        for parts in (POSITIVE_PARTS, NEGATIVE_PARTS, (LEFT_OUT,))
    )
    return (
        f"On average {positive:.0f} % positive, {negative:.0f} % negative, {indefinite:.0f} % "
        "indefinite; each bar makes 100 %."
    )


def rival(question: PrototypeQuestion) -> Drawing:
    title = "The class that comes second"
    drawing = Drawing(
        "rival parts", title, STACKED, partial(parts_sentence, "rival parts"), part=summed
    )
    if question.method.reasoning == INDEFINITE:
        drawing = indefinite_parts_drawing("rival parts", title, partial(rival_parts, question))
    return replace(
        drawing, below=lambda result: draw(Drawing("rival picture"), result, f"{KEY}.rival picture")
    )


def rival_parts(question: PrototypeQuestion, result: Views) -> Table:
    """Of the old CBC, the five parts of the class that comes second.

    How much that class leaves out is known to the network alone.
    """
    # kept: the answer began with it
    learned = run.answer(network_of(question), question.case.learned)
    head = head_of(question.method.restored(learned["network"], question.case.data))
    share = float(head.ignored()[int(result["outcome"]["rival"][0])])
    return with_indefinite(result["rival parts"], share)


def proved() -> Drawing:
    def chart(result: Views) -> Lines:
        radius = float(result["outcome"]["certificate"][0])
        return Lines(
            x="distance",
            series={"proved": "proved at least", "attacked": "found by the attack"},
            title="lead (%)",
            x_title="change of the image (Euclidean)",
            line=0,
            line_name="flips",
            now=radius if np.isfinite(radius) else None,
            now_name="certified",
        )

    return Drawing("margins", "How far the answer holds", chart, certified)


def certified(result: Views) -> str:
    outcome = result["outcome"]
    radius, closed, flip = (
        float(outcome[name][0]) for name in ("certificate", "closed form", "flip")
    )
    turned = f"at {flip:.2f}" if np.isfinite(flip) else "nowhere"
    if np.isinf(radius):
        return f"Proved for a change of any size. The attack turned it {turned}."
    return (
        f"Proved up to {radius:.2f} (with one width for all prototypes, as in the paper: "
        f"{closed:.2f}). The attack turned it {turned}."
    )


def single(question: PrototypeQuestion) -> Drawing:
    def possible(table: Table) -> Table:
        return table.take(np.flatnonzero(np.isfinite(table["needed"]))[:FEW].tolist())

    return Drawing(
        "changes",
        "One prototype seen otherwise",
        Dots(
            series={"seen": "seen", "needed": "needed to flip"},
            joined=True,
            title="how far it is seen (%)",
            span=(0, 100),
        ),
        partial(flip_sentence, question),
        part=possible,
    )


def flip_sentence(question: PrototypeQuestion, result: Views) -> str:
    table, other = result["changes"], class_name(question, result["outcome"]["rival"][0])
    if not np.isfinite(table["needed"][0]):
        return f"No prototype alone, however it is seen, makes it {other}."
    similarity, needed_similarity = (100 * float(table[name][0]) for name in ("seen", "needed"))
    says = class_name(
        question, result["outcome"]["answer"][0]
    )  # a third class may then be ahead of both
    return (
        f"If {table.rows[0]} were seen {needed_similarity:.0f} % in place of {similarity:.0f} %, "
        f"{other} would have as much as {says}."
    )
