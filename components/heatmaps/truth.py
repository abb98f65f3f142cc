"""How maps fare against a mask that is known: for images of data sets with truth."""

import streamlit as st

from components.charts import tables
from components.charts.located import MEASURES, located_table
from components.notices import escape_markdown
from components.sidebar.subject import Subject
from components.together import Answers
from engine.evaluation.maps.own_map import OwnMap
from engine.evaluation.measures.outlines import inside_of
from engine.vision.data.example import Mask

ABOUT = (
    f"The orange border is the known truth: what makes this image's class. {MEASURES} A model may "
    "also go by something else than the mask, and then a true map scores low."
)
NOTHING = (
    "By the mask nothing is there, so no map can point inside, and Dice and mass are of nothing. "
    "Most maps stand out somewhere; only the model's own may say that its class is not there."
)


def show_scores(answers: Answers, subject: Subject) -> None:
    mask = subject.mask
    if mask is None:
        return
    if not mask.any():
        inside = {title: inside_of(views) for title, views in answers.items()}
        if OwnMap.title not in answers:  # else it stands below each outline
            lines = [
                f"- {escape_markdown(title)}: {of_nothing(outline)}"
                for title, outline in inside.items()
            ]
            st.markdown("\n".join(lines))
        st.caption(NOTHING)
        return
    maps = [(title, answer["map"]) for title, answer in answers.items()]
    tables.show_table(located_table(maps, mask), "heatmaps.truth")
    st.caption(ABOUT)


def of_nothing(inside: Mask) -> str:
    if not inside.any():
        return "rightly nothing outlined"
    return f"outlines {100 * inside.mean():.1f} % of the image though nothing is there"
