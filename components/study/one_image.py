"""One image of the study: rows are labels, columns are methods, with the true outline on each."""

from collections.abc import Sequence

import streamlit as st

from components.draw.ramps import draw_ramps
from components.footer import Entry, footer
from components.notices import show_problems
from components.picks import pick
from components.section import Section
from components.study.form import KEY, StudyQuestion
from engine.attribution.study import StudyImage, StudyMaps
from engine.attribution.study.pictures import map_pictures
from engine.core.charts.drawing import Drawing


@st.fragment
def show(question: StudyQuestion, above: Sequence[Entry]) -> None:
    """Choose an image, and see every map of it; choosing another reruns only this."""
    st.markdown("**One image, every map**")
    case = question.case
    titles = {title(question, image): image for image in case.images}
    rule = "one of this study's images"
    chosen_image = titles[pick("Image", list(titles), f"{KEY}.image", rule=rule)]
    with footer(above), show_problems():
        Section(
            f"{KEY}.maps",
            StudyMaps(image=str(chosen_image.id)),
            case,
            picture=lambda _: draw_ramps(),
            evidence=[
                Drawing("figures", made=lambda result: map_pictures(case, chosen_image, result))
            ],
        ).show()


def title(asked: StudyQuestion, question: StudyImage) -> str:
    return (
        f"{question.id}: {', '.join(asked.case.model.labels[label] for label in question.labels)}"
    )
