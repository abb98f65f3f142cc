"""The parts of the Study view: the finding, the table, two charts, and one image closely."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from components import runs
from components.exports import as_json
from components.notices import plain, spoken
from components.runs import Outcome
from components.study import charts, one_image, ranking
from components.study.form import KEY, Asked
from components.study.ranking import named
from components.widgets.downloads import download
from engine.result import Columns, Result
from engine.run import Answer


def show(asked: Asked) -> None:
    """The study when it is known, else how it is asked and how far it is."""
    outcome: Outcome | None = None
    with spoken():
        slot = f"{KEY}.Study"
        outcome = runs.ask_when_told(asked.method, asked.case, slot, "Run the study")
    if isinstance(outcome, Answer):
        answered(asked, outcome)
    else:
        waiting(asked, outcome)
    explain(asked)


def waiting(asked: Asked, outcome: Outcome | None) -> None:
    """What there is while the study is not whole."""
    if outcome is None:
        st.caption(
            f"{asked.maps:,} maps are made and measured. The table grows image by image; it can "
            "be stopped at any time, and what is done then stays in sight. It is kept afterwards."
        )
        return
    runs.watch_growing(outcome, so_far)


def so_far(partial: Result) -> None:
    """The table of the images that are done."""
    table = partial.get("table")
    if isinstance(table, Columns) and len(table):
        st.html(ranking.as_html(table))


def answered(asked: Asked, found: Answer) -> None:
    """Everything that is known."""
    table: Columns = found["table"]
    st.subheader(plain(ranking.sentence(asked, table)))
    st.markdown(plain(ranking.beside_paper(table)))
    ranking.show(asked, table)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**What a faithful map costs**")
        charts.cost(table)
    with right:
        st.markdown("**Does the map change with the label?**")
        charts.likeness(table)
    ranking.claims(found["claims"])
    closer(asked)
    take_along(asked, found)


@st.fragment
def closer(asked: Asked) -> None:
    """One image; choosing another reruns only this."""
    with spoken():
        one_image.show(asked)


def take_along(asked: Asked, found: Answer) -> None:
    """The table and every row as CSV, and how it was made as JSON."""
    offered: tuple[tuple[str, Callable[[], str], str], ...] = (
        ("Table (CSV)", lambda: as_csv(found["table"], asked), "study.csv"),
        ("Every map (CSV)", lambda: as_csv(found["rows"], asked), "study-maps.csv"),
        ("JSON", lambda: as_json(found), "study.json"),
    )
    for place, (label, make, name) in zip(st.columns(3), offered, strict=True):
        download(label, make, f"blindspot-{name}", f"{KEY}.{name}", place=place, wide=True)
    said = found.record
    kept = "kept from before" if found.kept else "computed now"
    st.caption(plain(
        f"{said['case']['model']} {said['case']['model_fingerprint'][:8]} · {said['method']} "
        f"r{said['revision']} · {said['case']['target']} · {said['seconds']:.0f} s on "
        f"{said['device']}, {kept}"
    ))  # fmt: skip


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


def explain(asked: Asked) -> None:
    """What the study is."""
    with st.expander("What am I looking at?"):
        st.markdown(plain(asked.method.about()))
        st.markdown(f"Reference: {asked.method.paper}")
