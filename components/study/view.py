"""The parts of the Study view: the finding, the table, two charts, and one image closely."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from components import section
from components.draw.drawing import Views
from components.notices import plain, spoken
from components.section import Section
from components.share import Files
from components.study import charts, one_image, ranking
from components.study.form import KEY, Asked
from components.study.ranking import named
from engine.result import Columns


def show(asked: Asked) -> None:
    """The study when it is known, else how it is asked for and how far it is."""
    section.show(
        Section(
            KEY, asked.method, asked.case, button="Run the study",
            sentence=lambda found: ranking.sentence(asked, found["table"]),
            picture=lambda found: table(asked, found["table"]),
            evidence=charts.DRAWINGS,
            detail=lambda found: closer(asked, found["claims"]),
            growing=so_far, files=lambda found: files(asked, found),
            before=f"{asked.maps:,} maps are made and measured. The table grows image by image. "
            "You can stop at any time; what is done by then stays, and is kept.",
        )
    )  # fmt: skip


def so_far(partial: Views) -> None:
    """The table of the images that are done."""
    if len(partial.get("table", ())):
        st.html(ranking.as_html(partial["table"]))


def table(asked: Asked, figures: Columns) -> None:
    """How that compares with the paper, and the table itself."""
    st.markdown(plain(ranking.beside_paper(figures)))
    ranking.show(asked, figures)


@st.fragment
def one_image_closely(asked: Asked) -> None:
    """One image; choosing another reruns only this."""
    with spoken():
        one_image.show(asked)


def closer(asked: Asked, claims: Columns) -> None:
    """The paper's conclusions, and one image."""
    ranking.claims(claims)
    one_image_closely(asked)


def files(asked: Asked, found: Views) -> Files:
    """Method and label in words, which the tables themselves do not hold."""
    return {
        "methods.csv": lambda: as_csv(found["table"], asked),
        "maps.csv": lambda: as_csv(found["rows"], asked),
    }


def as_csv(view: Columns, asked: Asked) -> str:
    """Columns as a file; of rows, method and label in words."""
    frame = pd.DataFrame({name: np.asarray(view[name]) for name in view.order})
    if "method" in frame:
        frame["method"] = [named(row.split(" · ")[0]) for row in view.rows]
        frame["label"] = [asked.case.model.labels[int(one)] for one in view["label"]]
        frame["image"] = frame["image"].astype(int)
    else:
        frame.insert(0, "method", [named(row) for row in view.rows])
    text: str = frame.to_csv(index=False)
    return text
