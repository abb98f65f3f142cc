"""An image and its mirror image at λ; what tilt gains and costs, its kinds, and what carries it."""

from functools import partial

import numpy as np
import streamlit as st

from components.draw.pictures import draw_pictures
from components.footer import footer
from components.section import Section
from components.tilt.form import KEY, MirroredImage, choose
from engine.attribution.tilt.boundary import STRENGTHS, TENTHS
from engine.attribution.tilt.geometry import TYPES
from engine.attribution.tilt.mirror import mirror, pictures, wall
from engine.core.charts.bars import Bars
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.groups import Look, PointGroups
from engine.core.charts.lines import Lines
from engine.core.result import Table

CLOSE = 1.05  # strength up to which a boundary is as good as not tilted
THIS = "this one"
LEAST, MOST = "least", "most"
LOOKS: dict[str, Look] = {kind: "own" if kind == THIS else "dots" for kind in (*TYPES, THIS)}


@st.fragment
@footer()
def show() -> None:
    answer, controls, evidence = (st.container() for _ in range(3))
    with controls:
        question = choose()
    with answer:
        Section(
            KEY,
            question.method,
            question.case,
            known=question.known,
            below=evidence,
            sentence=partial(sentence, question),
            picture=partial(picture, question),
            evidence=(
                across(question),
                taxonomy(question),
                spectrum(question),
                Drawing(
                    "weights",
                    "The same image, from strong to weak regularization",
                    wide=True,
                    made=lambda result: wall(
                        question.case.data, question.row, result, question.learner
                    ),
                    finding=lambda result: (
                        wall(question.case.data, question.row, result, question.learner).finding
                    ),
                ),
            ),
        ).show()


def classifier_rows(question: MirroredImage, result: Views) -> Table:
    start = question.learner * len(STRENGTHS)
    table: Table = result["classifiers"]
    return table.take(range(start, start + len(STRENGTHS)))


def best_tilt(table: Table) -> int:
    right = table["right, held out"]
    return int(np.flatnonzero(right >= right.max() - 1e-9)[-1])


def sentence(question: MirroredImage, result: Views) -> str:
    table = classifier_rows(question, result)
    right, times = (table[name] for name in ("right, held out", "strength"))
    place, top = question.place, best_tilt(table)
    words = f"{100 * right[place]:.1f} % right"
    if times[place] <= CLOSE:
        explanation = (
            f"to be read as {question.names[1]}, a {question.names[0]} must nearly turn into one."
        )
        return f"{words}, and not easily fooled: {explanation}"
    words += f", but fooled by changes {times[place]:.1f} times smaller than they need be"
    if place == top:
        return f"{words}; no other λ is right more often."
    return (
        f"{words}. With λ = {table['λ'][top]:g}: {100 * right[top]:.1f} % right, "
        f"{times[top]:.1f} times smaller."
    )


def picture(question: MirroredImage, result: Views) -> None:
    mirrored = mirror(question.case.data, question.row, result, question.learner, question.place)
    draw_pictures(pictures(mirrored, question.method, question.case.data.classes), f"{KEY}.picture")


def across(question: MirroredImage) -> Drawing:
    def words(found: Views) -> str:
        table = classifier_rows(question, found)
        right, distances = 100 * table["right, held out"], 100 * table["distance kept"]
        return (
            f"Over all λ, held-out images right move by {np.ptp(right):.1f} points, the distance "
            f"to the boundary by {np.ptp(distances):.0f}. 100 % is that of the nearest class mean."
        )

    return Drawing(
        "classifiers",
        "Accuracy and distance to the boundary",
        Lines(
            x="λ",
            log=True,
            span=(0, 104),
            title="%",
            now=STRENGTHS[question.place],
            x_title="λ (mean variances within the classes)",
            series={
                "right, training": "training images right",
                "right, held out": "held-out images right",
                "distance kept": "distance to the boundary",
            },
        ),
        words,
        part=lambda table: classifier_rows(question, {"classifiers": table}),
    )


def taxonomy(question: MirroredImage) -> Drawing:
    def points(table: Table) -> Table:
        angle, error = table["angle"], 1 - table["right, held out"]
        columns = {
            "θ": (np.append(angle, angle[question.at]), "°"),
            "wrong": (np.append(error, error[question.at]), "share"),
        }
        return Table.of(columns, [*(TYPES[int(type_index)] for type_index in table["type"]), THIS])

    def words(found: Views) -> str:
        table: Table = found["classifiers"]
        kind = TYPES[int(table["type"][question.at])]
        counts = np.bincount(table["type"].astype(np.int64), minlength=len(TYPES))
        listing = ", ".join(f"{name} {count}" for name, count in zip(TYPES, counts, strict=True))
        return f"This one: {kind}. Of {len(table)} classifiers (three kinds): {listing}."

    return Drawing(
        "classifiers",
        "Kinds of tilt",
        PointGroups(
            x="θ",
            y="wrong",
            x_title="tilt θ (°)",
            title="held-out images wrong (%)",
            x_span=(-3, 93),
            looks=LOOKS,
        ),
        words,
        part=points,
    )


def spectrum(question: MirroredImage) -> Drawing:
    def bars(result: Views) -> Table:
        carried = result["carried"].values[question.place, question.learner, 0]
        names = [f"tenth {number + 1}" for number in range(TENTHS)]
        names[0], names[-1] = f"{LEAST} varied tenth", f"{MOST} varied tenth"
        return Table.of(
            {
                "of the weights": (carried, "share"),
                "variance": (result["variances"]["variance"], ""),
            },
            names,
        )

    def words(found: Views) -> str:
        carried = 100 * found["carried"].values[question.place, question.learner, 0]
        return (
            f"{carried[0]:.0f} % of the squared weights lie in the tenth of directions in which "
            f"images of a class vary least, {carried[-1]:.0f} % in the tenth with most."
        )

    return Drawing(
        "carried",
        "What the tilt rests on",
        Bars(value="of the weights", title="% of the squared weights"),
        words,
        made=bars,
    )
