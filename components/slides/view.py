"""One bag as a slide: what each network looks at, beside the tiles that make its label."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from components import section
from components.draw.bar_groups import BarGroups
from components.draw.drawing import Drawing, Views
from components.draw.maps import first_screen
from components.notices import plain
from components.section import Section
from components.slides.coverage import coverage
from components.slides.form import ATTENTION, KEY, SlidesQuestion
from components.slides.masked import masked
from components.widgets.viewer import Panel, viewer
from engine.attribution.slides.bags import laid_out, on_slide
from engine.attribution.slides.methods import ABMIL, BY_CLASS, STUDENT, TEACHER, by_class
from engine.attribution.slides.scores import MEASURES, found_keys
from engine.result import HeatMap, Pictures, Table

ENLARGED = 3  # times, so that a tile can be seen
STRONGEST = 8  # tiles
UNIT = "share of the attention"


def show(asked: SlidesQuestion, below: DeltaGenerator) -> None:
    """The bag, and how well the networks find key tiles.

    Args:
        asked: the question.
        below: where the evidence is drawn.
    """
    section.show(
        Section(
            KEY,
            asked.method,
            asked.case,
            known=asked.known,
            sentence=partial(sentence, asked),
            picture=partial(picture, asked),
            evidence=(strongest(asked), networks(asked), coverage(asked), masked(asked)),
            columns=1,
            below=below,
            button="Train the networks",
            before="Five small networks learn from the training bags: three plain ones, a teacher "
            "and its student. It takes some minutes, and you can stop it.",
        )
    )


def of_bag(asked: SlidesQuestion, found: Views, name: str) -> NDArray[np.float32]:
    """A number of each tile of the bag, (N,)."""
    size, table = asked.layout.size, found["tiles"]
    values = table[name][asked.place * size : (asked.place + 1) * size]
    return np.asarray(values, np.float32)


def column(asked: SlidesQuestion) -> str:
    """Which of the student's numbers is drawn."""
    return STUDENT if asked.score == ATTENTION else by_class(asked.score)


def hits(asked: SlidesQuestion, found: Views, name: str) -> int:
    """How many key tiles stand among the bag's strongest, as many as it has key tiles."""
    key = asked.layout.key[asked.bag][None]
    return int(found_keys(of_bag(asked, found, name)[None], key).sum())


def sentence(asked: SlidesQuestion, found: Views) -> str:
    """How many key tiles of the bag the student and plain attention put first."""
    count, size = int(asked.layout.key[asked.bag].sum()), asked.layout.size
    if not count:
        chance = float(found["bags"][STUDENT][asked.place])
        return (
            f"None of these {size} tiles is a key tile: the student says “{asked.label}” with "
            f"{100 * chance:.0f} %."
        )
    tiles = f"{count} of {size} tiles make" if count > 1 else f"One of {size} tiles makes"
    first = "strongest tile is" if count == 1 else f"{count} strongest tiles hold"
    score = "" if asked.score == ATTENTION else f" for “{asked.score}”"
    hit_count, plain_one = hits(asked, found, column(asked)), hits(asked, found, ABMIL)
    if count == 1:
        comparison = f"one of them: {'yes' if hit_count else 'no'}; plain attention's: "
        comparison += "yes" if plain_one else "no"
    else:
        comparison = f"{hit_count} of them, plain attention's {plain_one}"
    return f"{tiles} this slide “{asked.label}”. The student's {first}{score} {comparison}."


def picture(asked: SlidesQuestion, found: Views) -> None:
    """The slide under the attention of plain attention, teacher and student."""
    data, rows = asked.case.data, asked.layout.rows[asked.bag]
    tile = ENLARGED * data.images.shape[2], ENLARGED * data.images.shape[3]
    board = laid_out(data.images[rows]).transpose(1, 2, 0).repeat(ENLARGED, 0).repeat(ENLARGED, 1)
    shown = {"Plain attention (ABMIL)": ABMIL, "Teacher": TEACHER}
    student_title = "Student" if asked.score == ATTENTION else f"Student, {asked.score}"
    shown[student_title] = column(asked)
    panels = [
        Panel(
            title,
            HeatMap(on_slide(of_bag(asked, found, name), tile), unit_of(name), False),
            note(asked, found, name),
        )
        for title, name in shown.items()
    ]
    key = on_slide(asked.layout.key[asked.bag].astype(np.float32), tile) == 1
    with first_screen(3, KEY):
        viewer(
            np.ascontiguousarray(np.broadcast_to(board, (*board.shape[:2], 3))),
            panels,
            f"{KEY}.viewer",
            truth=key if key.any() else None,
        )
    if key.any():
        st.caption(plain("Outlined: the tiles that make the label. No network was told them."))


def unit_of(name: str) -> str:
    """What one unit of a map is."""
    return UNIT if name in {ABMIL, TEACHER, STUDENT} else "share of the class"


def note(asked: SlidesQuestion, found: Views, name: str) -> str:
    """How many of the key tiles stand on top."""
    count = int(asked.layout.key[asked.bag].sum())
    return f"{hits(asked, found, name)} of {count} key tiles on top" if count else ""


def strongest(asked: SlidesQuestion) -> Drawing:
    """The tiles on top, for plain attention and for the student."""

    def made(found: Views) -> Pictures:
        rows, key = asked.layout.rows[asked.bag], asked.layout.key[asked.bag]
        hard, names = asked.layout.hard[asked.bag], {ABMIL: ABMIL, column(asked): "Student"}
        places = {
            name: np.argsort(-of_bag(asked, found, name), kind="stable")[:STRONGEST]
            for name in names
        }
        images = np.stack([asked.case.data.images[rows[place]] for place in places.values()])
        words = [
            ("key, hard" if hard[at] else "key") if key[at] else ""
            for place in places.values()
            for at in place
        ]
        count = min(STRONGEST, asked.layout.size)
        counts = ", ".join(
            f"{title} has {int(key[places[name]].sum())} key tiles" for name, title in names.items()
        )
        return Pictures(
            images.transpose(0, 1, 3, 4, 2),
            tuple(names.values()),
            tuple(str(at + 1) for at in range(count)),
            f"Among the {count} strongest, {counts}.",
            captions=tuple(words),
        )

    return Drawing("tiles", "The strongest tiles of this slide", made=made, wide=True)


def networks(asked: SlidesQuestion) -> Drawing:
    """Bag AUC and key tiles found, by network, over all test bags."""

    def part(table: Table) -> Table:
        shown = [name for name in table.rows if name != BY_CLASS or asked.score != ATTENTION]
        return table.select(MEASURES).take([table.rows.index(name) for name in shown])

    series = {name: name for name in MEASURES if name != "key tiles found"}
    return Drawing(
        "figures",
        "All test bags",
        BarGroups(series=series, title="%", span=(0, 119), ticks=(0, 20, 40, 60, 80, 100)),
        lambda result: asked.method.finding(asked.case, result),
        part=part,
        wide=True,
    )
