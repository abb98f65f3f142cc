"""The normal patches that answer a patch of the image, one click away."""

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components.draw.drawing import draw
from components.draw.picture_points import PicturePoints
from components.where_odd.form import KEY, WhereQuestion
from engine.core.charts.drawing import Drawing, Views
from engine.core.pictures import Pixels, as_bytes
from engine.core.result import Pictures, Table
from engine.vision.data.example import example_picture

HOTTEST = 60  # patches that can be clicked
AROUND = 2.5  # cells on each side of a patch that are shown with it
SIDE = 96  # px of a shown patch
CHOSEN = f"{KEY}.patch"


@st.fragment
def show_patches(question: WhereQuestion, result: Views, picture: Pixels) -> None:
    hot = hottest(result["patches"])
    place = st.session_state.get(CHOSEN)
    same = np.flatnonzero((hot["row"] * hot["columns"] + hot["column"]) == place)
    at = int(same[0]) if place is not None and len(same) else 0
    left, right = st.columns([2, 3], gap="large")
    with left:
        draw(
            Drawing(
                "patches",
                "Click a patch",
                part=lambda _: hot,
                chart=PicturePoints(
                    picture=picture, value="distance", chosen=at, press=patch_picker(hot)
                ),
                finding=lambda _: (
                    f"The {len(hot)} oddest patches; the chosen one has a thick border."
                ),
            ),
            result,
            f"{KEY}.patches",
        )
    with right:
        draw(
            Drawing(
                "patches",
                "The normal patches nearest to it",
                part=lambda _: near(question, hot, at),
            ),
            result,
            f"{KEY}.near",
        )


def hottest(patches: Table) -> Table:
    order = np.argsort(-patches["distance"], kind="stable")[:HOTTEST]
    rows, columns = (int(patches[name].max()) + 1 for name in ("row", "column"))
    unit = dict(zip(patches.order, patches.units, strict=True))
    position = {
        "left": ((patches["column"][order] + 0.5) / columns, "share"),
        "top": ((patches["row"][order] + 0.5) / rows, "share"),
    }
    rest = {name: (patches[name][order], unit[name]) for name in patches.order}
    sizes = {"rows": (np.full(len(order), rows), ""), "columns": (np.full(len(order), columns), "")}
    return Table.of(position | rest | sizes)


def patch_picker(hot: Table) -> Callable[[Any], None]:
    def press(picked: Any) -> None:
        if points := picked["selection"]["points"]:
            at = int(points[0]["point_index"])
            st.session_state[CHOSEN] = int(hot["row"][at] * hot["columns"][at] + hot["column"][at])

    return press


def near(question: WhereQuestion, hot: Table, at: int) -> Pictures:
    data, row = question.case.normal, {name: hot[name][at] for name in hot.order}
    grid = int(row["rows"]), int(row["columns"])
    ranks = [rank for rank in range(1, 10) if f"image {rank}" in row]
    places = data.places(np.array([row[f"image {rank}"] for rank in ranks], np.int64))
    images = [crop_around(as_bytes(question.case.image), (row["row"], row["column"]), grid)]
    names, captions = ["this image"], [f"{row['distance']:.3g}"]
    for rank, place in zip(ranks, places, strict=True):
        at_place = row[f"row {rank}"], row[f"column {rank}"]
        images.append(crop_around(example_picture(data.images[place]).pixels, at_place, grid))
        names.append(f"{rank}. id {int(row[f'image {rank}'])}")
        captions.append(f"{row[f'distance {rank}']:.3g}")
    unit = hot.units[hot.order.index("distance")]
    finding = (
        f"This patch is at {row['distance']:.3g} ({unit}). The nearest normal patch is in image "
        f"{int(row['image 1'])}, at {row['distance 1']:.3g}. Each patch is shown in the middle of "
        "its surroundings."
    )
    return Pictures(np.stack(images)[None], ("",), tuple(names), finding, captions=tuple(captions))


def crop_around(pixels: Pixels, place: tuple[int, int], grid: tuple[int, int]) -> NDArray[np.uint8]:
    """The surroundings of a place of the grid, (SIDE, SIDE, 3); the edge is repeated beyond it."""
    middle = (np.array(place) + 0.5) / grid * pixels.shape[:2]
    reach = AROUND / np.array(grid) * pixels.shape[:2]
    steps = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    rows, columns = (
        np.clip(np.floor(m + r * steps), 0, length - 1).astype(int)
        for m, r, length in zip(middle, reach, pixels.shape[:2], strict=True)
    )
    return np.ascontiguousarray(pixels[rows[:, None], columns])
