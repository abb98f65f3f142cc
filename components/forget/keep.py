"""The section "Take it along": the model that forgot, as a model like any other."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from components import runs
from components.forget.asked import KEY, Closer
from components.notices import spoken
from components.sidebar.examples import ANY
from components.sidebar.subject import Subject
from components.taking import image_of, kept, offer, title_of
from components.views import DATA_AND_MODELS, FAMILIAR, HEATMAPS, LEVEL_SETS
from engine.models import checkpoints
from engine.result import Columns
from engine.run import Answer

TAKEN = (HEATMAPS, LEVEL_SETS, FAMILIAR, DATA_AND_MODELS)


def show(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """Keep it, then open it elsewhere."""
    del subject, table
    st.markdown("**The model that forgot**")
    st.caption(
        "A copy below its parent; the original stays. Once kept it can be chosen on every page, "
        "with an image of its data."
    )
    outcome = runs.ask(closer.method, closer.asked.case, f"{KEY}.keep")
    if not isinstance(outcome, Answer):
        runs.watch([outcome])
        return
    with spoken():
        made(closer, outcome)


def made(closer: Closer, found: Answer) -> None:
    """Keep the model once asked, and offer to take it along."""
    view: Any = found["model"]
    if json.loads(view.card).get("fingerprint") == view.parent:
        st.info("Nothing was changed: this is the model that is there already.")
        return
    there = kept(view)
    if there is None:
        if st.button("Keep it as a model", key=f"{KEY}.keep.go", type="primary"):
            checkpoints.keep(view)
            st.rerun()  # so that the sidebar offers it at once
        return
    offer(there, TAKEN, KEY, image_from(closer))


def image_from(closer: Closer) -> dict[str, Any]:
    """The sidebar's settings for a test image of what was forgotten; none for data of one's own."""
    if not (title := title_of(closer.data.name)):
        return {}
    label = closer.asked.case.request.label
    data = closer.data
    rows = data.rows("test")
    there = label is not None and bool((data.labels[rows] == label).any())
    kind = data.classes[label] if there and label is not None else ANY
    return image_of(title, kind)
