"""A large image: the made section or a person's own, its tiles unlike the others, zoom and pan."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components import forms, section
from components.draw.drawing import Drawing, Views
from components.ending import end
from components.notices import plain, spoken
from components.open_file import open_file
from components.picks import pick
from components.section import Section
from components.slides.form import KEY
from components.widgets.pan import Over, pan, strongest
from engine.arguments.whole_slides import MADE
from engine.attribution.slides import UnlikeTiles, WholeSlideCase
from engine.attribution.slides.whole import KEY_SHARE
from engine.data.whole_slide import made_slide
from engine.images.large import open_large
from engine.images.large_base import LargeImage
from engine.models.catalog import DEFAULT, load
from engine.result import Pictures, Table

SLOT = f"{KEY}.UnlikeTiles"
MOST_MB = 500
SHOWN, SEEN = 8, 128  # tiles, and px of each
THEIRS, OURS = "Your own", "Example, made here"
HELP = (
    "A TIFF in strips or tiles (uncompressed or Deflate) is read piece by piece at its full size; "
    "other pictures up to 16 million px. It stays in this session's memory, nothing is written."
)


def show() -> None:
    """Which image, and what is unlike in it."""
    answer, controls = st.container(), st.container()
    forms.refuse_links(UnlikeTiles, SLOT)
    with controls:
        left, right = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
        with left:
            which = pick("Image", (OURS, THEIRS), f"{KEY}.image", "pills")
        with right, st.popover("Settings"):
            given = forms.settings(UnlikeTiles, SLOT)
        image = made_slide() if which == OURS else theirs()
    if image is None:
        with answer:
            st.markdown("**A large image in tiles**")
        return
    method, case = UnlikeTiles(**given), WholeSlideCase(load(DEFAULT), image)
    known = {"model": DEFAULT, "image": MADE} if which == OURS else {}
    grid = None
    with answer, spoken():
        grid = method.grid(case)
    if grid is None:
        end()
    with answer:
        ask(method, case, grid, known)


def theirs() -> LargeImage | None:
    """The person's image, opened once."""
    held: dict[str, LargeImage] = st.session_state.setdefault(f"{KEY}.opened", {})

    def opened(data: bytes) -> LargeImage:
        name = f"{len(data)}-{hash(data)}"
        if name not in held:
            held.clear()
            held[name] = open_large(data)
        return held[name]

    return open_file("A large image", f"{KEY}.file", opened, most=MOST_MB, help=HELP)


def ask(
    method: UnlikeTiles, case: WholeSlideCase, grid: tuple[int, int], known: Mapping[str, Any]
) -> None:  # fmt: skip
    """The map over the image, to zoom and pan."""
    rows, columns = grid
    section.show(
        Section(
            KEY, method, case, "A large image in tiles", known=known,
            picture=partial(picture, method, case, grid), columns=1,
            evidence=(tiles(method, case, grid),), button="Read the tiles",
            before=f"{rows * columns:,} tiles of {method.tile} px are read by a network for "
            f"photographs. {' '.join(case.image.notes)}",
            waiting=lambda: panned(case.image, None, "The image"),
        )
    )  # fmt: skip


def grid_of(table: Table, column: str, grid: tuple[int, int]) -> NDArray[np.float32]:
    """A column as rows and columns of tiles."""
    return np.asarray(table[column], np.float32).reshape(grid)


def picture(
    method: UnlikeTiles, case: WholeSlideCase, grid: tuple[int, int], found: Views
) -> None:  # fmt: skip
    """The image under the map."""
    table, planted = found["tiles"], grid_of(found["tiles"], "planted", grid)
    marked = None if np.isnan(planted).all() else planted >= KEY_SHARE
    over = Over(grid_of(table, "distance", grid), method.tile, "cosine distance", marked)
    panned(case.image, over, method.finding(case, found))
    told = "Rare in this image, which is not the same as diseased."
    if marked is not None:
        told += " Outlined: tiles of the planted regions."
    st.caption(plain(told))


@st.fragment
def panned(image: LargeImage, over: Over | None, words: str) -> None:
    """A fragment, so that tiles that come later draw nothing else again."""
    with spoken():  # a piece may turn out to be broken only when it is looked at
        pan(image, over, words, f"{KEY}.pan")


def tiles(method: UnlikeTiles, case: WholeSlideCase, grid: tuple[int, int]) -> Drawing:
    """The strangest tiles themselves."""

    def made(found: Views) -> Pictures:
        values, side = grid_of(found["tiles"], "distance", grid), method.tile
        places = strongest(values, SHOWN)
        times = max(1, side // SEEN)
        images = np.stack([
            case.image.smaller(times, r * side, (r + 1) * side, c * side, (c + 1) * side)
            for r, c in places
        ])  # fmt: skip
        words = tuple(f"{values[one]:.2f}" for one in places)
        ranks = tuple(str(at + 1) for at in range(len(places)))
        return Pictures(images[None], ("",), ranks, "The strangest first; below: the distance.",
                        captions=words)  # fmt: skip

    return Drawing("tiles", "The strangest tiles", made=made, wide=True)
