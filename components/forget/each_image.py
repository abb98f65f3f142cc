"""How sure the three models are of each forgotten image: all of them, and one large."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components.charts import plots
from components.charts.style import COLORS, GRAY, laid, theme
from components.charts.tables import as_table
from components.forget.asked import KEY, MODELS, WORDS, Closer
from components.notices import plain
from components.sidebar.pictures import enlarged
from components.widgets.data_images import page_of, pixels_of, press_images
from components.widgets.pictures import show_picture
from engine.result import Columns
from engine.unlearning import Confidence

PAGE = 24
PART = "Each image"
CHOSEN = f"{KEY}.image"
PAGES = f"{KEY}.images.page"
MARKS = {"original": "circle", "unlearned": "diamond", "retrained": "line-ew-open"}


def ask(closer: Closer) -> Columns | None:
    """Every forgotten image, in the order of the fall; None while that is computed."""
    found = closer.look(Confidence())
    return None if found is None else found["images"]


def shift(closer: Closer) -> None:
    """The shift of every image; a click on a mark shows its image large, below."""
    if (images := ask(closer)) is not None:
        st.markdown("**How sure each model is of the forgotten images**")
        numbers = {"images": as_table(images, ("id", *MODELS))}
        plots.with_table(figure(images), finding(images), numbers, f"{KEY}.shift", press)


def show(closer: Closer) -> None:
    """The forgotten images as pictures, and one of them large."""
    if (images := ask(closer)) is not None:
        st.caption("Press a picture, or click a mark in the chart above, to see that image large.")
        choose(closer, images)
        one(closer, images)


def figure(images: Columns) -> go.Figure:
    """A column of three marks for each image, from the largest fall to the smallest."""
    color = dict(zip(MODELS, (*COLORS[theme()][:2], GRAY), strict=True))
    place = np.arange(1, len(images) + 1)
    drawn = go.Figure()
    gap = np.full(len(images), np.nan)
    x = np.column_stack([place, place, gap]).ravel()
    y = 100 * np.column_stack([images["original"], images["unlearned"], gap]).ravel()
    drawn.add_scatter(x=x, y=y, mode="lines", line={"color": GRAY, "width": 0.7},
                      hoverinfo="skip", showlegend=False)  # fmt: skip
    for name in MODELS:
        drawn.add_scatter(
            x=place, y=100 * images[name], mode="markers", name=WORDS[name],
            marker={"symbol": MARKS[name], "color": color[name], "size": 8,
                    "line": {"width": 2 if name == "retrained" else 0, "color": color[name]}},
            customdata=images["id"].astype(int), selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            hovertext=[f"image {number:.0f}" for number in images["id"]],
        )  # fmt: skip
    drawn.update_xaxes(title="forgotten images, by how far they fall")
    drawn.update_yaxes(title="probability of its label (%)", range=[-4, 104])
    return laid(drawn, 320)


def finding(images: Columns) -> str:
    """The middles, and what is not forgotten."""
    middle = {name: 100 * float(np.median(images[name])) for name in MODELS}
    known = int((images["unlearned"] > images["retrained"] + 0.5).sum())
    words = (
        f"The middle image falls from {middle['original']:.0f} % to {middle['unlearned']:.0f} %; "
        f"the model that never saw it gives {middle['retrained']:.0f} %."
    )
    if known:
        return words + f" {known} of {len(images)} are still known far better than to that one."
    return words + " None is known far better than to that one."


def press(picked: Any) -> None:
    """A mark was clicked: its part is opened, on the page of pictures that has its image."""
    points = picked["selection"]["points"]
    if points and (number := points[0].get("customdata")) is not None:
        st.session_state[CHOSEN] = int(np.ravel(number)[0])
        st.session_state[PAGES] = (int(points[0]["x"]) - 1) // PAGE + 1
        st.session_state[f"{KEY}.section"] = PART


def chosen(images: Columns) -> int:
    """The place of the image in sight, at first the one that falls most."""
    number = st.session_state.get(CHOSEN)
    places = np.flatnonzero(images["id"] == (-1 if number is None else number))
    return int(places[0]) if len(places) else 0


def choose(closer: Closer, images: Columns) -> None:
    """Pictures to press, in the order of the fall."""
    rows = closer.data.places(images["id"].astype(np.int64)).tolist()
    falls = zip(rows, 100 * images["original"], 100 * images["unlearned"], strict=True)
    press_images(
        closer.data, page_of(rows, PAGE, PAGES, "Page of images"),
        "Forgotten images, by how far they fall; press one to see it large", f"{KEY}.images",
        lambda number: st.session_state.update({CHOSEN: number}),
        chosen={int(images["id"][chosen(images)])},
        words={row: f"{before:.0f} → {after:.0f} %" for row, before, after in falls},
    )  # fmt: skip


def one(closer: Closer, images: Columns) -> None:
    """The image in sight, with what each model says."""
    at = chosen(images)
    data, number = closer.data, int(images["id"][at])
    row = int(data.places(np.array([number]))[0])
    label = data.classes[int(images["label"][at])]
    left, right = st.columns([1, 3], vertical_alignment="center")
    words = f"Image {number}, labeled {label}"
    show_picture(enlarged(pixels_of(data, row)), words, place=left, width=180, caption=plain(words))
    for column, name in zip(right.columns(3), MODELS, strict=True):
        answer = data.classes[int(images[f"seen by {name}"][at])]
        column.metric(
            WORDS[name].capitalize(), f"{100 * images[name][at]:.0f} %",
            help=f"Probability of {label} in the {name} model.",
        )  # fmt: skip
        column.caption(plain(f"says {answer}"))
