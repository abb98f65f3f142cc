"""The parts of the Study view: the finding, the table, two charts, and one image closely."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from components import section
from components.draw.drawing import Views
from components.notices import plain
from components.section import Section
from components.share import Files
from components.study import charts, one_image, ranking
from components.study.form import KEY, StudyQuestion
from components.study.ranking import named
from engine.result import Table


def show(asked: StudyQuestion) -> None:
    """The study when it is known, else how it is asked for and how far it is."""
    found = section.show(
        Section(
            KEY, asked.method, asked.case, button="Run the study",
            sentence=lambda found: ranking.sentence(asked, found["table"]),
            picture=lambda found: table(asked, found["table"]),
            evidence=charts.DRAWINGS,
            detail=lambda found: ranking.claims(found["claims"]),
            growing=so_far, files=lambda found: files(asked, found),
            before=f"{asked.maps:,} maps are made and measured. The table grows image by image. "
            "You can stop at any time; what is done by then stays, and is kept.",
        )
    )  # fmt: skip
    if found:
        one_image.show(asked)


def so_far(partial: Views) -> None:
    """The table of the images that are done."""
    if len(partial.get("table", ())):
        st.html(ranking.as_html(partial["table"]))


def table(asked: StudyQuestion, figures: Table) -> None:
    """How that compares with the paper, and the table itself."""
    st.markdown(plain(ranking.beside_paper(figures)))
    ranking.show(asked, figures)


def files(asked: StudyQuestion, found: Views) -> Files:
    """The figure of every map, with method and label in words, which its table does not hold."""
    return {"maps.csv": lambda: maps_csv(asked, found["rows"])}


def maps_csv(asked: StudyQuestion, rows: Table) -> str:
    """A row for each map."""
    frame = pd.DataFrame({name: np.asarray(rows[name]) for name in rows.order})
    frame["method"] = [named(row.split(" · ")[0]) for row in rows.rows]
    frame["label"] = [asked.case.model.labels[int(one)] for one in rows["label"]]
    frame["image"] = frame["image"].astype(int)
    text: str = frame.to_csv(index=False)
    return text
