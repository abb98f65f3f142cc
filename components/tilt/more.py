"""Below the two classes: two clouds to tilt a boundary by hand, and the network of the sidebar."""

from typing import Any

import numpy as np
import streamlit as st

from components import forms
from components.footer import footer
from components.notices import escape_markdown
from components.picks import switch
from components.section import Section
from components.sidebar.subject import Subject
from components.tilt.form import KEY
from engine.attribution.tilt import LocalTilt, TiltedSheets
from engine.attribution.tilt.class_images import THIS_IMAGE
from engine.attribution.tilt.local import PIXELS
from engine.attribution.tilt.sheets import BOUNDARY, EXAMPLE, FIRST_CLASS, MIRROR, OTHER, REACH
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.groups import PointGroups
from engine.core.charts.lines import Lines
from engine.core.result import Table
from engine.evaluation.experiment import ExperimentCase
from engine.vision import data as data_sets

SHEETS, LOCAL = f"{KEY}.TiltedSheets", f"{KEY}.LocalTilt"


@st.fragment
@footer()
def sheets() -> None:
    st.divider()
    st.header("Tilt a boundary by hand")
    answer, controls = st.container(), st.container()
    forms.refuse_links(TiltedSheets, SHEETS)
    with controls:
        settings: dict[str, Any] = {}
        for column, name in zip(
            st.columns(3, gap="medium"), TiltedSheets().settings(), strict=True
        ):
            with column:
                settings |= forms.settings(TiltedSheets, SHEETS, (name,))
    method, case = TiltedSheets(**settings), ExperimentCase(data_sets.load("digits"))
    with answer:
        Section(
            KEY, method, case, known={"data": "digits"},
            evidence=(
                Drawing(
                    "points", "",
                    PointGroups(
                        x="along the line between the means", y="across it",
                        span=(-3, 3), x_span=(-REACH, REACH), title="across it",
                        looks={FIRST_CLASS: "dots", OTHER: "dots", BOUNDARY: "line",
                               MIRROR: "own", EXAMPLE: "line"},
                    ),
                    mirror_words,
                ),
                Drawing(
                    "curve", "",
                    Lines(
                        x="tilt", span=(0, 104), title="%", x_title="tilt θ (°)",
                        now=method.tilt, series={"error": "wrong", "distance kept":
                                                 "distance to the boundary"},
                    ),
                    error_words,
                ),
            ),
        ).show()  # fmt: skip


LEAST = 0.01  # gray levels that are told


def mirror_words(result: Views) -> str:
    points: Table = result["points"]
    way = np.stack(
        [points[name][[row_name == EXAMPLE for row_name in points.rows]] for name in points.order],
        1,
    )
    return (
        f"The star and its mirror image are {np.linalg.norm(way[1] - way[0]):.2f} apart, in "
        "standard deviations along the line between the means; without tilt they are 4."
    )


def error_words(result: Views) -> str:
    numbers: Table = result["numbers"]
    error, counted = (100 * numbers[name][0] for name in ("error", "counted error"))
    return (
        f"{error:.2f} % wrong by the formula of two Gaussians; {counted:.2f} % of 100,000 drawn "
        "points are."
    )


def in_a_network() -> bool:
    """Whether a network is asked too; only then are image and model chosen, in the sidebar."""
    st.divider()
    st.header("In a network")
    return switch(
        "Measure the tilt of a network at an image of your choice",
        f"{KEY}.network",
        help="Image, model and classes are then chosen in the sidebar.",
    )


def local(chosen_subject: Subject) -> None:
    """The network of the sidebar at the image of the sidebar."""
    forms.refuse_links(LocalTilt, LOCAL)
    answer, controls = st.container(), st.container()
    with controls, st.popover("Settings of the network's tilt"):
        method = LocalTilt(**forms.settings(LocalTilt, LOCAL))
    with answer:
        Section(
            KEY, method, chosen_subject.case.at("exact"), known=chosen_subject.arguments,
            picture=lambda result: st.caption(escape_markdown(means_words(result))),
            evidence=(
                Drawing(
                    "angles", "Angle between the boundary's normal and the class means",
                    Dots(
                        series={"angle": "this network", "chance": "two random directions"},
                        title="θ (°)", span=(-3, 93),
                    ),
                    angle_words,
                ),
                Drawing(
                    "ways", "Two ways to the other class",
                    Lines(
                        x="distance", line=0.0, line_name="the answer changes",
                        x_title="change (gray levels, root mean square)",
                        title="margin (logit)",
                        series={"along the gradient": "against the gradient",
                                "along the means": "from mean to mean"},
                    ),
                    way_words,
                ),
            ),
        ).show()  # fmt: skip


def means_words(result: Views) -> str:
    table: Table = result["means"]
    parts = " and ".join(
        f"{count:.0f} {source}" for source, count in zip(table.rows, table["images"], strict=True)
    )
    absent = (
        "; the model's training images are not here" if table.rows[0].endswith(THIS_IMAGE) else ""
    )
    return f"Class means are of {parts}{absent}."


def angle_words(result: Views) -> str:
    table: Table = result["angles"]
    last = table.rows[-1]
    return (
        f"In pixels {table.cell(PIXELS, 'angle'):.0f}°, where random directions stand at "
        f"{table.cell(PIXELS, 'chance'):.0f}°; at “{last}” {table.cell(last, 'angle'):.0f}°."
    )


def way_words(result: Views) -> str:
    numbers: Table = result["numbers"]
    along_gradient, along_means = (
        float(numbers[name][0]) for name in ("to the boundary", "along the means")
    )
    distances = [
        f"{levels(distance)} gray levels" if np.isfinite(distance) else "not met"
        for distance in (along_gradient, along_means)
    ]
    return (
        f"The boundary: {distances[0]} against the gradient, {distances[1]} from mean to mean. 1 / "
        f"cos θ is {numbers['expected'][0]:.1f}, which the ratio is in a linear classifier."
    )


def levels(count: float) -> str:
    if 0 < count < LEAST:
        return f"under {LEAST}"
    return f"{count:.0f}" if count >= 10 else f"{count:.2g}"
