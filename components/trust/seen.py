"""What is seen of a trial besides its figures: curves, squares, another map beside the map."""

from collections.abc import Callable, Mapping

import streamlit as st

from components.exports import model_input
from components.notices import escape_markdown
from components.sidebar.subject import Subject
from components.trust import charts
from components.widgets.pictures import show_picture
from components.widgets.wording import short_number
from engine.core.pictures import overlay, scale_ends
from engine.core.result import HeatMap, Result
from engine.evaluation.trust import TrustCase

WIDE = 320  # px of a map beside another


def show_curves(result: Result, subject: Subject, case: TrustCase, key: str) -> None:
    del subject, case
    if "insertion" in result:
        charts.draw_order_curves(result, f"{key}.curves")


def similarity(result: Result, subject: Subject, case: TrustCase, key: str) -> None:
    if "order" in result:
        charts.draw_shuffling(result, f"{key}.similarity")
    draw_two_maps(result, subject, case, "with random weights")


def other_class(result: Result, subject: Subject, case: TrustCase, key: str) -> None:
    del key
    draw_two_maps(result, subject, case, "asked about the other class")


def hidden_squares(result: Result, subject: Subject, case: TrustCase, key: str) -> None:
    del subject, case
    if "squares" in result:
        charts.predicted(result, f"{key}.squares")


def draw_two_maps(result: Result, subject: Subject, case: TrustCase, words: str) -> None:
    other = result.get("map")
    if not isinstance(other, HeatMap):
        return
    for column, heat, title in zip(
        st.columns(2), (case.heat, other), ("the map", words), strict=True
    ):
        low, high = (short_number(end) for end in scale_ends(heat))
        caption = f"{title}: {low} to {high} {heat.unit}"
        show_picture(
            overlay(model_input(subject), heat),
            caption,
            place=column,
            width=WIDE,
            caption=escape_markdown(caption),
        )


TRIAL_VIEWS: Mapping[str, Callable[[Result, Subject, TrustCase, str], None]] = {
    "Order": show_curves,
    "RandomWeights": similarity,
    "OtherClass": other_class,
    "Infidelity": hidden_squares,
}
