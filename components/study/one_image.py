"""One image of the study: rows are labels, columns are methods, with the true outline on each."""

from __future__ import annotations

import streamlit as st

from components import section
from components.draw.drawing import Drawing
from components.footer import footer
from components.notices import spoken
from components.picks import pick
from components.section import Section
from components.study.form import KEY, StudyQuestion
from engine.attribution.study import ImageQuestion, StudyMaps
from engine.attribution.study.pictures import map_pictures
from engine.pictures.colors import DIVERGING_LIGHT, SEQUENTIAL, Ramp


@st.fragment
@footer()
def show(asked: StudyQuestion) -> None:
    """Choose an image, and see every map of it; choosing another reruns only this."""
    st.markdown("**One image, every map**")
    case = asked.case
    titles = {title(asked, one): one for one in case.images}
    rule = "one of this study's images"
    one = titles[pick("Image", list(titles), f"{KEY}.image", rule=rule)]
    with spoken():
        section.show(
            Section(
                f"{KEY}.maps", StudyMaps(image=str(one.id)), case, picture=lambda _: legend(),
                evidence=[Drawing("figures", made=lambda found: map_pictures(case, one, found))],
            )
        )  # fmt: skip


def legend() -> None:
    """Both scales in words and colors."""
    signed, plain = (bar(ramp) for ramp in (DIVERGING_LIGHT, SEQUENTIAL))
    st.html(
        f'<p style="font-size:.85rem">maps with signs: lowers the score {signed} raises it &emsp; '
        f"maps without: none {plain} most</p>"
    )


def bar(ramp: Ramp) -> str:
    """A ramp from end to end."""
    stops = ",".join("rgb({},{},{})".format(*ramp[at]) for at in range(0, 256, 51))
    return (
        '<span style="display:inline-block;width:90px;height:10px;vertical-align:middle;'
        f'border:1px solid #808080;background:linear-gradient(90deg,{stops})"></span>'
    )


def title(asked: StudyQuestion, one: ImageQuestion) -> str:
    """An image's name: its things."""
    return f"{one.id}: {', '.join(asked.case.model.labels[label] for label in one.labels)}"
