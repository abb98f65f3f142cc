"""Take it along: the model that forgot, as a model like any other."""

from __future__ import annotations

from typing import Any

import streamlit as st

from components.draw.checkpoint import draw_checkpoint
from components.draw.drawing import Drawing, Views
from components.forget.asked import KEY, Closer, Rows
from components.section import Section
from components.sidebar.examples import ANY
from components.taking import image_of, title_of


def keep(closer: Closer) -> Rows:
    """Keep it, then open it elsewhere."""
    st.caption(
        "A copy below its parent; the original stays. Once kept it can be chosen on every page, "
        "with an image of its data."
    )

    def draw(found: Views) -> None:
        draw_checkpoint(found["model"], KEY, image=image_from(closer))

    model = Drawing("model", by=draw)
    return [[
        Section(f"{KEY}.made", closer.method, closer.asked.case, evidence=[model], explained=False)
    ]]  # fmt: skip


def image_from(closer: Closer) -> dict[str, Any]:
    """The sidebar's settings for a test image of what was forgotten; none for data of one's own."""
    if not (title := title_of(closer.data.name)):
        return {}
    label, data = closer.asked.case.request.label, closer.data
    if label is not None and (data.labels[data.rows("test")] == label).any():
        return image_of(title, data.classes[label])
    return image_of(title, ANY)
