"""Take it along: the model that forgot, as a model like any other."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from components import section
from components.forget.asked import KEY, Closer
from components.notices import spoken
from components.section import Section
from components.sidebar.examples import ANY
from components.taking import image_of, kept, offer, title_of
from components.views import DATA_AND_MODELS, FAMILIAR, HEATMAPS, LEVEL_SETS
from engine.models import checkpoints
from engine.result import Checkpoint

TAKEN = (HEATMAPS, LEVEL_SETS, FAMILIAR, DATA_AND_MODELS)


def show(closer: Closer) -> None:
    """Keep it, then open it elsewhere."""
    section.show(
        Section(
            f"{KEY}.made", closer.method, closer.asked.case, "The model that forgot",
            detail=lambda found: made(closer, found["model"]), explained=False,
        )
    )  # fmt: skip
    st.caption(
        "A copy below its parent; the original stays. Once kept it can be chosen on every page, "
        "with an image of its data."
    )


def made(closer: Closer, view: Checkpoint) -> None:
    """Keep the model once asked, and offer to take it along."""
    with spoken():
        if json.loads(view.card).get("fingerprint") == view.parent:
            st.info("Nothing was changed: this is the model that is there already.")
        elif there := kept(view):
            offer(there, TAKEN, KEY, image_from(closer))
        elif st.button("Keep it as a model", key=f"{KEY}.keep.go", type="primary"):
            checkpoints.keep(view)
            st.rerun()  # so that the sidebar offers it at once


def image_from(closer: Closer) -> dict[str, Any]:
    """The sidebar's settings for a test image of what was forgotten; none for data of one's own."""
    if not (title := title_of(closer.data.name)):
        return {}
    label, data = closer.asked.case.request.label, closer.data
    if label is not None and (data.labels[data.rows("test")] == label).any():
        return image_of(title, data.classes[label])
    return image_of(title, ANY)
