"""The parts of the Familiar? view: what is asked, one plain sentence, and what it rests on."""

from __future__ import annotations

import numpy as np
import streamlit as st

from components.charts import tables
from components.exports import as_json, provenance
from components.familiar import sources
from components.familiar.asked import Asked
from components.familiar.closer import closer
from components.familiar.evidence import ablation, dimensions, evidence, factors
from components.familiar.judged import independent, judged, missing, sentence
from components.familiar.sources import KEY
from components.notices import plain
from components.sidebar.pictures import enlarged
from components.sidebar.subject import Subject
from components.widgets.downloads import download
from components.widgets.pictures import show_picture
from engine.anomaly import COSTARR
from engine.anomaly.conformal import INDEPENDENT
from engine.run import Answer

NEAREST = 6


def open_own(subject: Subject) -> None:
    """Images of the person's own."""
    sources.open_own(subject.case.model)


def question(subject: Subject) -> str:
    """The question of the page in words."""
    model = plain(subject.case.model.lineage.trail)
    return f"Asking **{model}**: has it seen anything like this image?"


def show(asked: Asked, found: Answer) -> None:
    """The sentence, the histogram with its line, the evidence, and a closer look.

    With too few normal images there is the score and what it is made of, and no verdict.
    """
    st.subheader(plain(sentence(asked, found)))
    decided = independent(found) >= INDEPENDENT
    if decided:
        judged(asked, found)
    else:
        st.markdown(plain(missing(asked, found)))
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown("**What the score is made of**")
        evidence(found, KEY)
    with right:
        nearest(asked, found)
    if isinstance(asked.method, COSTARR):
        factors(found, KEY)
        ablation(found, KEY)
        dimensions(found, KEY)
    if decided:
        closer(asked, found)
    explain(asked, found)


def nearest(asked: Asked, found: Answer) -> None:
    """The image, and the normal images whose features are most like its own."""
    st.markdown("**The nearest normal images**")
    if "nearest" not in found.views:
        st.caption("This model has no features to compare.")
        return
    data = asked.case.normal
    rows = found["nearest"].values[:NEAREST]
    places = data.places(rows[:, 0].astype(np.int64))
    columns = st.columns(3)
    for at, (place, (number, distance)) in enumerate(zip(places, rows, strict=True)):
        image = data.images[place].transpose(1, 2, 0)
        pixels = np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))
        label = data.classes[data.labels[place]]
        show_picture(
            enlarged(pixels), f"Normal image {number:.0f}, {label}, at distance {distance:.2f}",
            place=columns[at % 3], width="stretch",
            caption=plain(f"{label}, id {number:.0f}: {distance:.2f}"),
        )  # fmt: skip
    st.caption("Distances are between directions of features, from 0 (the same) to 2.")


def explain(asked: Asked, found: Answer) -> None:
    """What am I looking at, what was done otherwise than usual, and how it was made."""
    with st.expander("What am I looking at?"):
        st.markdown(type(asked.method).about())
        if asked.method.paper:
            st.markdown(f"Reference: {asked.method.paper}")
        if "nearest" in found.views:
            tables.table(found["nearest"], f"{KEY}.nearest")
        download("JSON", lambda: as_json(found), "blindspot-familiar.json", f"{KEY}.json")
    for note in found["notes"].labels:
        if found["notes"].values[0]:
            st.caption(plain(note))
    card = asked.case.normal.card
    st.caption(plain(f"Normal images: {card.title}. {card.about} {card.made}"))
    st.caption(plain(provenance(found)))
