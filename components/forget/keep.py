"""Take it along: the model that forgot, as a model like any other."""

from typing import Any

import streamlit as st

from components.draw.checkpoint import draw_checkpoint
from components.forget.asked import KEY, MethodDetail, Rows
from components.section import Section
from components.sidebar.examples import BY_ID
from components.taking import image_of, title_of
from engine.core.charts.drawing import Drawing, Views


def keep(detail: MethodDetail) -> Rows:
    st.caption(
        "A copy below its parent; the original stays. Once kept it can be chosen on every page, "
        "with one of the forgotten images."
    )

    def draw(found: Views) -> None:
        draw_checkpoint(found["model"], KEY, image=image_from(detail))

    model = Drawing("model", by=draw)
    return [
        [Section(f"{KEY}.made", detail.method, detail.case.case, evidence=[model], explained=False)]
    ]


def image_from(detail: MethodDetail) -> dict[str, Any]:
    title = title_of(detail.data.name)
    return image_of(title, f"{BY_ID}{detail.case.case.request.ids[0]}") if title else {}
