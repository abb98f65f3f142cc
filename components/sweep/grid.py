"""The answers of a sweep as a grid of small maps, each with its numbers, that open their views."""

from base64 import b64encode
from collections.abc import Sequence

import streamlit as st

from components.picks import pick, switch
from components.sweep.form import KEY
from components.views import DATA_AND_MODELS
from components.widgets.data_images import page_of
from components.widgets.thumbs import Thumb, thumbs
from engine.commands.asking import method_named
from engine.sweep.choosing import RIGHT, RowChoice, filter_options, sorts_of
from engine.sweep.links import line_of
from engine.sweep.rows import SweepRow

PAGE = 48
EVERY = "all"
COLORS = (
    "Each map has a color scale of its own, from its lowest to its highest value: colors of two "
    "cells do not compare. A cell opens its view in another tab."
)


def show(rows: Sequence[SweepRow], *, linked: bool = True) -> None:
    """What is to be seen, and the grid."""
    chosen = choose(rows, linked=linked).of(rows)
    indices = page_of(range(len(chosen)), PAGE, f"{KEY}.page")
    count = (
        f"{len(rows):,} answers"
        if len(chosen) == len(rows)
        else (f"{len(chosen):,} of {len(rows):,} answers")
    )
    filters = filter_options(rows)
    cells = [answer_thumbnail(at, chosen[at], filters) for at in indices]
    if cells:
        thumbs(cells, f"Small maps of {count}", f"{KEY}.cells", lambda _number: None)
    st.caption(f"{count}. {COLORS}" if cells else "No answer is like that.")


def choose(rows: Sequence[SweepRow], *, linked: bool) -> RowChoice:
    only: dict[str, str] = {}
    bind = "query-params" if linked else None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        has_truth = any(row.correct is not None for row in rows)
        right = pick("Show", RIGHT, f"{KEY}.show", "segments") if has_truth else RIGHT[0]
        by = pick("Sort by", sorts_of(rows), f"{KEY}.sort", width=180)
        descending = switch("Highest first", f"{KEY}.down")
        with st.popover("Filter"):
            for name, words in filter_options(rows).items():
                word = pick(name, [EVERY, *words], f"{KEY}.only.{name.lower()}", bind=bind)
                only |= {} if word == EVERY else {name: word}
        st.page_link(
            DATA_AND_MODELS.path,
            label="Open images of yours",
            icon=DATA_AND_MODELS.icon,
            query_params={},
        )
    return RowChoice(right, only, by, descending)


def answer_thumbnail(place: int, row: SweepRow, filters: dict[str, list[str]]) -> Thumb:
    notes = []
    if row.top_class and row.confidence is not None:
        answer_text = f"{row.top_class}, {100 * row.confidence:.0f} %"
        notes.append(f"✗ {answer_text}, not {row.label}" if row.correct is False else answer_text)
    if "Model" in filters:
        notes.append(line_of(row.model).strip() or row.model)
    if "Method" in filters:
        notes.append(method_named(row.method).title)
    notes += [row.settings] if row.settings else []
    source = f"data:image/webp;base64,{b64encode(row.picture).decode()}"
    wrong = row.correct is False
    name = row.image.rpartition("/")[2]
    return Thumb(place, name, source, wrong, tuple(notes), row.address or None)
