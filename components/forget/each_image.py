"""How sure the three models are of each forgotten image: all of them, and one large."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from components.forget.asked import KEY, MODELS, WORDS, MethodDetail, Rows
from components.notices import escape_markdown
from components.sidebar.pictures import enlarged
from components.widgets.data_images import color_pixels, page_of, press_images
from components.widgets.pictures import show_picture
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.result import Table
from engine.unlearning import Confidence

PAGE = 24
PART = "Each image"
CHOSEN = f"{KEY}.image"  # the id of the image in sight
PAGES = f"{KEY}.images.page"


def each_image(detail: MethodDetail) -> Rows:
    return [
        [
            detail.section(
                Confidence(),
                picture=lambda result: selected_image(detail, result["images"]),
                detail=lambda result: image_buttons(detail, result["images"]),
            )
        ]
    ]


def shift(result: Views) -> Lines:
    """Three marks for each image, from the largest fall to the smallest, which can be clicked."""
    return Lines(
        x="place",
        series=series_in(result["images"]),
        joined=MODELS[:2],
        span=(-4, 104),
        height=320,
        x_title="forgotten images, by how far they fall",
        title="probability of its label (%)",
        press=partial(press, result["images"]),
    )


def series_in(table: Table) -> dict[str, str]:
    return {name: words for name, words in WORDS.items() if name in table.order}


def probability_table(images: Table) -> Table:
    columns = {"place": (np.arange(1, len(images) + 1), ""), "id": (images["id"], "")}
    return Table.of(columns | {name: (images[name], "share") for name in series_in(images)})


def finding(result: Views) -> str:
    images: Table = result["images"]
    before, after, *others = (100 * float(np.median(images[name])) for name in series_in(images))
    if not others:
        return f"The middle image falls from {before:.0f} % to {after:.0f} %."
    goal = others[0]
    far_better = int((images["unlearned"] > images["retrained"] + 0.5).sum())
    many = f"{far_better} of {len(images)} are" if far_better else "None is"
    return (
        f"The middle image falls from {before:.0f} % to {after:.0f} % (never seen: {goal:.0f} %). "
        f"{many} known far better."
    )


SHIFT = Drawing(
    "images",
    "How sure each model is of the forgotten images",
    shift,
    finding,
    part=probability_table,
)


def press(images: Table, picked: Any) -> None:
    if points := picked["selection"]["points"]:
        at = int(points[0]["x"]) - 1
        st.session_state[CHOSEN] = int(images["id"][at])
        st.session_state[PAGES] = at // PAGE + 1
        st.session_state[f"{KEY}.section"] = PART


def selected_place(ids: Sequence[int]) -> int:
    number = st.session_state.get(CHOSEN)
    return ids.index(number) if number in ids else 0


def choose_id(label: str, ids: Sequence[int], key: str) -> int:
    start = selected_place(ids)
    return st.selectbox(label, ids, start, key=f"{key}.{ids[start]}", format_func="id {}".format)


def image_buttons(detail: MethodDetail, images: Table) -> None:
    ids = images["id"].astype(int).tolist()
    rows = detail.data.places(np.array(ids)).tolist()
    falls = zip(rows, 100 * images["original"], 100 * images["unlearned"], strict=True)
    press_images(
        detail.data,
        page_of(rows, PAGE, PAGES, "Page of images"),
        "Forgotten images, by how far they fall; press one to see it large",
        f"{KEY}.images",
        lambda number: st.session_state.update({CHOSEN: number}),
        chosen={ids[selected_place(ids)]},
        words={row: f"{before:.0f} → {after:.0f} %" for row, before, after in falls},
    )


def selected_image(detail: MethodDetail, images: Table) -> None:
    st.caption("Press a picture, or click a mark in the chart above, to see that image large.")
    at = selected_place(images["id"].astype(int).tolist())
    data, number = detail.data, int(images["id"][at])
    row = int(data.places(np.array([number]))[0])
    label = data.classes[int(images["label"][at])]
    left, right = st.columns([1, 3], vertical_alignment="center")
    words = f"Image {number}, labeled {label}"
    show_picture(
        enlarged(color_pixels(data, row)),
        words,
        place=left,
        width=180,
        caption=escape_markdown(words),
    )
    for column, name in zip(right.columns(3), MODELS, strict=True):
        answer = data.classes[int(images[f"seen by {name}"][at])]
        column.metric(
            WORDS[name].capitalize(),
            f"{100 * images[name][at]:.0f} %",
            help=f"Probability of {label} in the {name} model.",
        )
        column.caption(escape_markdown(f"says {answer}"))
