"""One pair closely: the scene before and after, p(yes) while the thing fades, and the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from components import runs
from components.before_after.form import KEY
from components.draw import tables
from components.notices import escape_markdown
from components.picks import pick
from components.sidebar.pictures import enlarged
from components.views import CONCEPTS
from components.widgets.encoding import data_url, saved
from components.widgets.pictures import show_picture
from components.widgets.thumbs import Thumb, thumbs
from engine.core.charts.lines import Lines
from engine.core.result import Table
from engine.evaluation.language.beaf.figures import decided, worst
from engine.hallucination import Cause, ScenesCase, asking
from engine.vision.data.layout import Layout, Scene
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.catalog import SCENE_KINDS
from engine.vision.language.tiny_vlm.weights import HABIT, HONEST
from engine.vision.language.tiny_vlm.words import with_article

LISTED_PAIRS, PRESSED = 60, 10  # pairs in the list, and among the pictures
SMALL = 88  # px
PAIR = f"{KEY}.pair"
FADES = {f"{100 * share:.0f} %": share for share in asking.OPACITIES}
SAYS = {1.0: "yes", 0.0: "no"}

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class OpenPair:
    """A question about a scene and its copy.

    Args:
        place: of its record.
        scene: before anything was taken out.
        row: the scene's number among those of the case.
        removed, asked: the things, by name.
        there: whether what is asked for was there before.
        says, chances: the answers before and after, and p(yes).
    """

    place: int
    scene: Scene
    row: int
    removed: str
    asked: str
    there: bool
    says: tuple[float, float]
    chances: tuple[float, float]

    @classmethod
    def of(cls, layout: Layout, records: Table, place: int, threshold: float | None) -> OpenPair:
        record = records.take([place])
        row, removed, queried = (int(record[name][0]) for name in ("scene", "removed", "asked"))
        before, after = decided(record, threshold)
        return cls(
            place,
            layout.scene(row),
            row,
            CATEGORIES[removed],
            CATEGORIES[queried],
            bool(record["there"][0]),
            (float(before[0]), float(after[0])),
            (float(record["p before"][0]), float(record["p after"][0])),
        )

    @property
    def after(self) -> bool:
        """Whether what is asked for is there after."""
        return self.there and self.removed != self.asked


def name_of(records: Table, place: int) -> str:
    """A pair in words, as the link has it."""
    row, removed, queried = (int(records[name][place]) for name in ("scene", "removed", "asked"))
    return (
        f"scene {row} without the {CATEGORIES[removed]}: "
        f"is there {with_article(CATEGORIES[queried])}"
    )


def choose(
    layout: Layout, records: Table, category: str | None, threshold: float | None
) -> OpenPair | None:
    """One of the pairs, those whose answer moved against the truth first; None where none is."""
    places = [
        place
        for place in worst(records, threshold)
        if category is None or CATEGORIES[int(records["removed"][place])] == category
    ]
    if not places:
        st.info(f"No scene has {with_article(category or 'thing')}: take out another thing.")
        return None
    pressed = st.session_state.get(PAIR, st.query_params.get(PAIR))
    names = {name_of(records, place): place for place in places}
    offered = list(names)[:LISTED_PAIRS]
    if pressed in names and pressed not in offered:  # pressed in the chart, which has them all
        offered.append(str(pressed))
    place = names[
        pick(
            f"Pair of answers ({len(places)}, the worst first)",
            offered,
            PAIR,
            name="Pair",
            rule="one that is listed",
        )
    ]
    displayed = list(names.values())[:PRESSED]
    pictures = [
        small_picture(layout, records, shown_place, chosen=shown_place == place)
        for shown_place in displayed
    ]
    thumbs(
        pictures,
        "Pairs whose answer moved most against the truth; press one to open it",
        f"{KEY}.worst",
        opener(records),
    )
    return OpenPair.of(layout, records, place, threshold)


def opener(records: Table) -> Callable[[int], None]:
    def open_pair(place: int) -> None:
        st.session_state[PAIR] = name_of(records, place)

    return open_pair


def small_picture(layout: Layout, records: Table, place: int, *, chosen: bool) -> Thumb:
    row, removed = int(records["scene"][place]), CATEGORIES[int(records["removed"][place])]
    pixels = layout.scene(row).remove(removed).image.transpose(1, 2, 0)
    source = data_url("png", saved(Image.fromarray(pixels).resize((SMALL, SMALL), 0), "PNG"))
    category = CATEGORIES[int(records["asked"][place])]
    words = f"{category}?" if category == removed else f"no {removed}: {category}?"
    return Thumb(place, words, source, chosen)


def choose_fade(pair: OpenPair) -> float:
    steps = list(FADES)
    picked = pick(
        f"Opacity of the {pair.removed}",
        steps,
        f"{KEY}.fade",
        "slider",
        name="Opacity",
        rule="one of " + ", ".join(steps),
    )
    return FADES[picked]


# ---------------------------------------------------------------- drawn


def picture(pair: OpenPair, left: float, model: str) -> None:
    before, after, curve = st.columns([3, 3, 4], gap="medium")
    faded = curves(pair, model)
    draw_scene(
        before,
        pair.scene,
        f"**Before**: {answer_text(pair, 0)}",
        f"the scene with the {pair.removed}",
    )
    name = asking.models()[model]
    if left == 0:
        words, scene = f"**After**: {answer_text(pair, 1)}", pair.scene.remove(pair.removed)
    else:
        p = faded[name][list(asking.OPACITIES).index(left)]
        words = f"**The {pair.removed} at {100 * left:.0f} %**: p(yes) {100 * p:.0f} %"
        scene = pair.scene.with_opacity(pair.removed, left)
    draw_scene(
        after, scene, words, f"the scene with the {pair.removed} at {100 * left:.0f} % opacity"
    )
    with curve:
        tables.draw_chart(chart(faded, pair, left), faded, fade_words(faded, pair), f"{KEY}.curve")


def onward(pair: OpenPair, case: ScenesCase) -> None:
    st.page_link(
        CONCEPTS.path,
        label=f"Make the model forget the {pair.asked} (Concepts)",
        icon=CONCEPTS.icon,
        query_params=link_to_concepts(pair, case),
    )


def link_to_concepts(pair: OpenPair, case: ScenesCase) -> dict[str, str]:
    """What is forgotten and by which model; and the scene, where its number names it there."""
    link = {"concepts.SAUCE.concept": pair.asked, "concepts.model": case.vlm.title}
    if case.clean or case.seed:
        return link
    return link | {"concepts.kind": SCENE_KINDS[case.kind], "concepts.scene": str(pair.row)}


def draw_scene(place: Any, scene: Scene, words: str, alt: str) -> None:
    pixels = np.ascontiguousarray(scene.image.transpose(1, 2, 0))
    show_picture(enlarged(pixels), alt, place=place, width="stretch", caption=words)


def answer_text(pair: OpenPair, when: int) -> str:
    says, p, present = pair.says[when], pair.chances[when], (pair.there, pair.after)[when]
    answer = SAYS.get(says, "neither yes nor no")
    mark = "✓" if says == present else "✗"
    chance = f" (p(yes) {100 * p:.0f} %)" if np.isfinite(p) else ""
    return escape_markdown(
        f"{pair.asked}? {mark} {answer}{chance}; it is {'' if present else 'not '}there."
    )


def curves(pair: OpenPair, model: str) -> Table:
    other = HABIT if model == HONEST else HONEST
    titles = asking.models()
    columns: dict[str, tuple[Any, str]] = {"opacity": (np.array(asking.OPACITIES), "share")}
    for name in (model, other):
        case = asking.yes_when_faded(name, pair.scene, pair.asked, pair.removed)
        result = runs.answer(Cause(), case, f"{KEY}.fading.{name}")["images"]
        columns[titles[name]] = (result["yes against no"][1:], "share")
    return Table.of(columns, rows=list(FADES))


def chart(faded: Table, pair: OpenPair, left: float) -> Lines:
    return Lines(
        x="opacity",
        series={name: name for name in faded.order[1:]},
        now=100 * left,
        height=330,
        span=(-4, 104),
        line=50.0,
        line_name="yes above",
        x_title=f"opacity of the {pair.removed} (%)",
        title=f"p(yes): {pair.asked}? (%)",
    )


def fade_words(faded: Table, pair: OpenPair) -> str:
    probabilities = (
        f"{name} {100 * faded[name][-1]:.0f} → {100 * faded[name][0]:.0f} %"
        for name in faded.order[1:]
    )
    return (
        f"p(yes) as the {pair.removed} fades away, "
        f"word by likeliest word: {'; '.join(probabilities)}."
    )


def pair_opener(records: Table, places: Sequence[Sequence[int]]) -> Callable[[Any], None]:
    """Opens the pair of a mark that is clicked; places of records by group and mark."""
    open_pair = opener(records)

    def press(picked: Any) -> None:
        if points := picked["selection"]["points"]:
            open_pair(places[int(points[0]["curve_number"])][int(points[0]["point_index"])])

    return press
