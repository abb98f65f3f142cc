"""The view Confusion or ignorance: the kind of doubt, what it rests on, and blends."""

from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components import forms
from components.doubt import words
from components.doubt.form import KEY, DoubtedImage, choose_toward
from components.draw.drawing import draw
from components.footer import footer
from components.notices import escape_markdown, show_problems
from components.picks import pick
from components.section import Section
from components.sidebar.pictures import enlarged
from components.widgets.pictures import show_picture
from components.widgets.triangle import triangles
from engine.anomaly import FVR, Blends, Extract
from engine.anomaly.fvr.blends import ITS_CLASS, OTHER, OTHERS
from engine.anomaly.fvr.findings import NONE, SEVERAL, answer_classes, join_words, percent
from engine.core.charts.bars import Bars, Dots
from engine.core.charts.drawing import Drawing, Views, Words
from engine.core.charts.groups import PointGroups
from engine.core.charts.lines import Lines
from engine.core.pictures import as_bytes
from engine.core.result import Evidence, Table

PARTS = ("fit", "held", "unknown")  # of the images, in the order of the case's parts
MOST = 6  # classes that have a bar
GROUPS: Mapping[str, str] = {
    "held": "normal images",
    "unknown": "unknown images",
    "subject": "this image",
}
AT_FIRST = 50  # % along both ways
STRIP = Drawing("strip")
MASSES = (SEVERAL, NONE, ITS_CLASS, OTHER, OTHERS)  # in the order of their lines


def show(question: DoubtedImage, below: DeltaGenerator) -> None:
    parts = zip(PARTS, question.case.parts, strict=True)
    Section(
        KEY, question.method, question.case, known=question.known, below=below,
        first=[(Extract(), part, f"{KEY}.{name}") for name, part in parts if part is not None],
        picture=lambda result: picture(question, result),
        evidence=[
            Drawing(
                "held", "Between belief, confusion and ignorance", made=cloud,
                chart=PointGroups(
                    x="confusion", y="ignorance", span=(-0.03, 1.03), x_span=(-0.03, 1.03),
                    title="ignorance",
                    looks={"normal images": "dots", "unknown images": "dots",
                           "this image": "own"},
                ),
                finding=lambda _: "Belief is what is left to 1: all of it in the lower left "
                "corner. Points on the right are hesitation, points on top ignorance.",
            ),
            Drawing(
                "doubts", "Which doubt tells what?",
                chart=Dots(
                    series={"unknown images": "unknown images", "errors": "errors"},
                    title="AUROC; 0.5 is chance", span=(0.4, 1.03), line=0.5,
                ),
                finding=words.doubts,
            ),
            Drawing("sets", "One class, several, or none", finding=words.sets),
        ],
    ).show()  # fmt: skip


def settings() -> FVR:
    forms.refuse_links(FVR, f"{KEY}.FVR")
    with st.popover("Settings"):
        return FVR(**forms.settings(FVR, f"{KEY}.FVR"))


def picture(question: DoubtedImage, views: Views) -> None:
    left, right = st.columns([2, 3], gap="large")
    with left:
        classes = answer_classes(views["masses"])
        answer_text = f"Answer: {join_words(classes)}" if classes else "No answer: rejected"
        image = enlarged(as_bytes(question.case.image))
        show_picture(
            image,
            f"The image. {answer_text}",
            width="stretch",
            caption=f"**{escape_markdown(answer_text)}**",
        )
    with right:
        draw(
            Drawing(
                "masses",
                part=top_beliefs,
                chart=Bars(
                    value="mass",
                    title="mass (%), together 100 with all classes",
                    span=(0, 115),
                    texts=[percent(mass) for mass in top_beliefs(views["masses"])["mass"]],
                ),
                finding=lambda result: lines_of(result["masses"], len(result["normal"].values)),
            ),
            views,
            f"{KEY}.masses",
        )


def top_beliefs(table: Table) -> Table:
    classes = np.argsort(-table["mass"][:-2], kind="stable")[:MOST]
    return as_shares(table.take([*classes.tolist(), len(table) - 2, len(table) - 1]), ["mass"])


def as_shares(table: Table, columns: Iterable[str]) -> Table:
    return Table.of({name: (table[name], "share") for name in columns}, table.rows)


def lines_of(table: Table, normal_count: int) -> str:
    confusion, ignorance = (table.cell(row, "line") for row in (SEVERAL, NONE))
    return (
        f"Lines of {normal_count} normal images: rejected above {percent(ignorance)} of “{NONE}”, "
        f"several answers above {percent(confusion)} of “{SEVERAL}”."
    )


def cloud(result: Views) -> Table:
    groups: dict[str, Evidence] = {
        title: result[name] for name, title in GROUPS.items() if name in result
    }
    columns = {
        "confusion": np.concatenate([group.parts["confusion"] for group in groups.values()]),
        "ignorance": np.concatenate([group.values for group in groups.values()]),
    }
    names = [title for title, group in groups.items() for _ in group.values]
    return Table.of({name: (column, "mass") for name, column in columns.items()}, names)


@st.fragment
@footer()
def show_blends(question: DoubtedImage) -> None:
    """The image on its way to another class and to noise; moving along reruns only this."""
    st.header("Between classes and to noise")
    with show_problems():
        above, below = st.container(), st.container()
        with below:
            left, right = st.columns([1, 3], gap="large", vertical_alignment="bottom")
            with left:
                toward = choose_toward(question)
            steps = [f"{5 * index} %" for index in range(21)]
            with right:
                chosen = pick(
                    "Step",
                    steps,
                    f"{KEY}.step",
                    "slider",
                    first=f"{AT_FIRST} %",
                    help="How much of the other image, or of the noise, is in the blend.",
                )
        with above:
            Section(
                f"{KEY}.blends",
                Blends(toward, question.method.loss),
                question.case,
                known=question.known,
                below=below,
                picture=lambda result: ways(result, steps.index(chosen)),
                evidence=[STRIP],
                detail=both_triangles,
            ).show()


def ways(result: Views, at: int) -> None:
    names = result["confusion"].labels
    findings: Mapping[str, Words] = {
        "class": partial(words.to_class, names[1]),
        "noise": words.to_noise,
    }
    for place, corner, way in zip(st.columns(2, gap="large"), (1, 2), findings, strict=True):
        table: Table = result[way]
        share = float(table["share"][at])
        images = result["confusion"].images.astype(np.float32)
        blend = as_bytes((1 - share) * images[0] + share * images[corner])
        caption = f"{percent(share)} toward {names[corner]}"
        with place:
            show_picture(enlarged(blend), caption, width=200)
            st.caption(escape_markdown(f"{caption}: {words.step(table, at, names)}"))
            draw(
                Drawing(
                    way, f"Toward {names[corner]}",
                    part=lambda table: as_shares(table, ["share", *MASSES]),
                    chart=Lines(
                        x="share", now=100 * share, span=(-3, 103), title="mass (%)",
                        x_title="share (%)",
                        series={SEVERAL: "confusion", NONE: "ignorance",
                                ITS_CLASS: f"belief: {names[0]}", OTHER: f"belief: {names[1]}",
                                OTHERS: "belief: further"},
                    ),
                    finding=findings[way],
                ),
                result, f"{KEY}.{way}",
            )  # fmt: skip


def both_triangles(result: Views) -> None:
    st.markdown("**Every blend of the three**")
    both = {"Confusion": result["confusion"], "Ignorance": result["ignorance"]}
    triangles(both, f"{KEY}.triangles", "doubt")
