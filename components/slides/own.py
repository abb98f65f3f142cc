"""A large image: the made section or a person's own, attention over it and what is rare in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components import forms
from components.ending import end
from components.notices import escape_markdown, show_problems
from components.open_file import open_file
from components.picks import pick
from components.section import Section
from components.slides.form import KEY
from components.widgets.pan import TileMap, highest_squares, pan
from engine.attribution.mhim import TileAttention, UnlikeTiles, WholeSlideCase
from engine.attribution.mhim.attention import EQUAL, KEY_RECALL, SAYS, network_sentence
from engine.attribution.mhim.methods import ABMIL, MAX_POOLING, MEAN_POOLING
from engine.attribution.mhim.section_networks import STUDENTS
from engine.attribution.mhim.whole import KEY_SHARE, SYNTHETIC, TileReading
from engine.core.charts.bar_groups import BarGroups
from engine.core.charts.drawing import Drawing, Views
from engine.core.question import Question
from engine.core.result import Pictures, Table
from engine.vision.data.whole_slide import made_slide
from engine.vision.images.large import open_large
from engine.vision.images.large_base import LargeImage
from engine.vision.models.catalog import DEFAULT, load

SLOT = f"{KEY}.tiles"
RARE = "what is rare"
MOST_MB = 500
STRONGEST_TILES, TILE_SIDE = 8, 128  # tiles, and px of each
LEAST = 0.01  # × an equal share: what is less looks alike
THEIRS, OURS = "Your own", "Example, made here"
DRAWN = (*STUDENTS, ABMIL, MAX_POOLING, MEAN_POOLING, RARE)
LEARNED = "The networks were told which made sections hold a planted region, never where."
STRANGE = "What looks most like the planted regions of made sections, which is all they know."
HELP = (
    "A TIFF in strips or tiles (uncompressed, JPEG, Deflate or LZW) is read piece by piece at its "
    "full size; other pictures up to 16 million px. It stays in this session's memory, nothing is "
    "written."
)


def show() -> None:
    answer, controls = st.container(), st.container()
    forms.refuse_links(UnlikeTiles, SLOT)
    with controls:
        left, right = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
        with left:
            choice = pick("Image", (OURS, THEIRS), f"{KEY}.image", "pills")
        drawn = pick("Drawn", DRAWN, f"{KEY}.drawn", "pills")
        names = ("tile", "glass") if drawn != RARE else None
        with right, st.popover("Settings"):
            settings = forms.settings(UnlikeTiles, SLOT, names)
        image = made_slide() if choice == OURS else theirs()
    if image is None:
        with answer:
            st.markdown("**A large image in tiles**")
        return
    method: TileReading = UnlikeTiles(**settings)
    if drawn != RARE:
        method = TileAttention(tile=settings["tile"], glass=settings["glass"])
    case = WholeSlideCase(load(DEFAULT), image)
    known = {"model": DEFAULT, "image": SYNTHETIC} if choice == OURS else {}
    grid = None
    with answer, show_problems():
        grid = method.grid(case)
    if grid is None:
        end()
    with answer:
        column = "distance" if drawn == RARE else drawn
        ask(ShownTiles(method, case, known, grid=grid, column=column))


def theirs() -> LargeImage | None:
    stored: dict[str, LargeImage] = st.session_state.setdefault(f"{KEY}.opened", {})

    def opened(data: bytes) -> LargeImage:
        name = f"{len(data)}-{hash(data)}"
        if name not in stored:
            stored.clear()
            stored[name] = open_large(data)
        return stored[name]

    return open_file("A large image", f"{KEY}.file", opened, most=MOST_MB, help=HELP)


@dataclass(frozen=True, eq=False, kw_only=True)
class ShownTiles(Question[TileReading, WholeSlideCase]):
    """The question, and what is drawn over the image.

    Args:
        grid: rows and columns of tiles.
        column: which number of a tile is drawn.
    """

    grid: tuple[int, int]
    column: str

    def of(self, table: Table, column: str = "") -> NDArray[np.float32]:
        """A column as rows and columns of tiles; the one that is drawn, if none is named."""
        return np.asarray(table[column or self.column], np.float32).reshape(self.grid)

    def unit(self, table: Table) -> str:
        return table.units[table.order.index(self.column)]


def ask(question: ShownTiles) -> None:
    rows, columns = question.grid
    evidence = (
        (tiles(question),)
        if question.column == "distance"
        else (tiles(question), networks(question))
    )
    Section(
        KEY,
        question.method,
        question.case,
        "A large image in tiles",
        known=question.known,
        sentence=partial(sentence, question),
        picture=partial(picture, question),
        columns=1,
        evidence=evidence,
        button="Read the tiles",
        before=f"{rows * columns:,} tiles of {question.method.tile} px are read by a network "
        f"for photographs. {' '.join(question.case.image.notes)}",
        waiting=lambda: panned(question.case.image, None, "The image"),
    ).show()


def sentence(question: ShownTiles, result: Views) -> str:
    if question.column == "distance":
        return question.method.finding(question.case, result)
    return network_sentence(result, question.column)


def picture(question: ShownTiles, result: Views) -> None:
    table, planted = result["tiles"], question.of(result["tiles"], "planted")
    marked = None if np.isnan(planted).all() else planted >= KEY_SHARE
    unit = question.unit(table)
    least = LEAST if unit == EQUAL else None
    over = TileMap(question.of(table), question.method.tile, unit, marked, least)
    panned(question.case.image, over, sentence(question, result))
    words = "Rare in this image, which is not the same as diseased."
    if question.column != "distance":
        words = LEARNED if marked is not None else STRANGE
    if marked is not None:
        words += " Outlined: tiles of planted regions."
    st.caption(escape_markdown(words))


@st.fragment
def panned(image: LargeImage, over: TileMap | None, words: str) -> None:
    """A fragment, so that tiles that come later draw nothing else again."""
    with show_problems():  # a piece may turn out to be broken only when it is looked at
        pan(image, over, words, f"{KEY}.pan")


def tiles(question: ShownTiles) -> Drawing:
    rare = question.column == "distance"

    def made(result: Views) -> Pictures:
        values, side, image = (
            question.of(result["tiles"]),
            question.method.tile,
            question.case.image,
        )
        planted = question.of(result["tiles"], "planted")
        places = highest_squares(values, STRONGEST_TILES)
        times = max(1, side // TILE_SIDE)
        images = np.stack(
            [
                image.smaller(times, r * side, (r + 1) * side, c * side, (c + 1) * side)
                for r, c in places
            ]
        )
        words = tuple(f"{values[place]:.2f}" for place in places)
        caption = (
            "The strangest first; below: the distance."
            if rare
            else strongest_words(
                question.unit(result["tiles"]), [float(planted[place]) for place in places]
            )
        )
        ranks = tuple(str(at + 1) for at in range(len(places)))
        return Pictures(images[None], ("",), ranks, caption, captions=words)

    title = "The strangest tiles" if rare else "The strongest tiles"
    return Drawing("tiles", title, made=made, wide=True)


def strongest_words(unit: str, planted: Sequence[float]) -> str:
    below = f"Below: {unit}."
    if np.isnan(planted).all():
        return below
    count = int((np.array(planted) >= KEY_SHARE).sum())
    return f"{count} of these {len(planted)} lie in planted regions. {below}"


def networks(question: ShownTiles) -> Drawing:
    series = {SAYS: "says “a planted region”"}
    if question.case.image.mask(0, 1, 0, 1) is not None:
        series[KEY_RECALL] = KEY_RECALL
    return Drawing(
        "networks",
        "All networks about this image",
        BarGroups(series=series, title="%", span=(0, 119), ticks=(0, 20, 40, 60, 80, 100)),
        part=lambda table: table.select(tuple(series)),
        wide=True,
    )
