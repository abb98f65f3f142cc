"""One bag as a slide: what each network looks at, beside the tiles that make its label."""

from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from components.draw.maps import first_screen
from components.notices import escape_markdown
from components.section import Section
from components.slides.coverage import coverage
from components.slides.form import ATTENTION, KEY, ShownBag
from components.slides.masked import masked
from components.widgets.viewer import Panel, viewer
from engine.attribution.mhim.bags import laid_out, on_slide
from engine.attribution.mhim.methods import ABMIL, BY_CLASS, STUDENT, TEACHER, by_class
from engine.attribution.mhim.scores import MEASURES, found_keys
from engine.core.charts.bar_groups import BarGroups
from engine.core.charts.drawing import Drawing, Views
from engine.core.result import HeatMap, Pictures, Table

ENLARGED = 3  # times, so that a tile can be seen
STRONGEST = 8  # tiles
UNIT = "share of the attention"


def show(question: ShownBag, below: DeltaGenerator) -> None:
    Section(
        KEY,
        question.method,
        question.case,
        known=question.known,
        sentence=partial(sentence, question),
        picture=partial(picture, question),
        evidence=(top_tiles(question), networks(question), coverage(question), masked(question)),
        columns=1,
        below=below,
        button="Train the networks",
        before="Five small networks learn from the training bags: three plain ones, a teacher "
        "and its student. It takes some minutes, and you can stop it.",
    ).show()


def of_bag(question: ShownBag, result: Views, name: str) -> NDArray[np.float32]:
    """A number of each tile of the bag, (N,)."""
    size, table = question.layout.size, result["tiles"]
    values = table[name][question.place * size : (question.place + 1) * size]
    return np.asarray(values, np.float32)


def score_column(question: ShownBag) -> str:
    return STUDENT if question.score == ATTENTION else by_class(question.score)


def hits(question: ShownBag, result: Views, name: str) -> int:
    """How many key tiles stand among the bag's strongest, as many as it has key tiles."""
    key = question.layout.key[question.bag][None]
    return int(found_keys(of_bag(question, result, name)[None], key).sum())


def sentence(question: ShownBag, result: Views) -> str:
    count, size = int(question.layout.key[question.bag].sum()), question.layout.size
    if not count:
        chance = float(result["bags"][STUDENT][question.place])
        return (
            f"None of these {size} tiles is a key tile: the student says “{question.label}” with "
            f"{100 * chance:.0f} %."
        )
    tiles = f"{count} of {size} tiles make" if count > 1 else f"One of {size} tiles makes"
    first = "strongest tile is" if count == 1 else f"{count} strongest tiles hold"
    score = "" if question.score == ATTENTION else f" for “{question.score}”"
    student_hits, plain_hits = (
        hits(question, result, score_column(question)),
        hits(question, result, ABMIL),
    )
    if count == 1:
        comparison = f"one of them: {'yes' if student_hits else 'no'}; plain attention's: "
        comparison += "yes" if plain_hits else "no"
    else:
        comparison = f"{student_hits} of them, plain attention's {plain_hits}"
    return f"{tiles} this slide “{question.label}”. The student's {first}{score} {comparison}."


def picture(question: ShownBag, result: Views) -> None:
    data, rows = question.case.data, question.layout.rows[question.bag]
    tile = ENLARGED * data.images.shape[2], ENLARGED * data.images.shape[3]
    board = laid_out(data.images[rows]).transpose(1, 2, 0).repeat(ENLARGED, 0).repeat(ENLARGED, 1)
    columns = {"Plain attention (ABMIL)": ABMIL, "Teacher": TEACHER}
    student_title = "Student" if question.score == ATTENTION else f"Student, {question.score}"
    columns[student_title] = score_column(question)
    panels = [
        Panel(
            title,
            HeatMap(on_slide(of_bag(question, result, name), tile), unit_of(name), False),
            key_tiles_note(question, result, name),
        )
        for title, name in columns.items()
    ]
    key = on_slide(question.layout.key[question.bag].astype(np.float32), tile) == 1
    with first_screen(3, KEY):
        viewer(
            np.ascontiguousarray(np.broadcast_to(board, (*board.shape[:2], 3))),
            panels,
            f"{KEY}.viewer",
            truth=key if key.any() else None,
        )
    if key.any():
        st.caption(
            escape_markdown("Outlined: the tiles that make the label. No network was told them.")
        )


def unit_of(name: str) -> str:
    return UNIT if name in {ABMIL, TEACHER, STUDENT} else "share of the class"


def key_tiles_note(question: ShownBag, result: Views, name: str) -> str:
    count = int(question.layout.key[question.bag].sum())
    return f"{hits(question, result, name)} of {count} key tiles on top" if count else ""


def top_tiles(question: ShownBag) -> Drawing:
    def made(result: Views) -> Pictures:
        rows, key = question.layout.rows[question.bag], question.layout.key[question.bag]
        hard, names = (
            question.layout.hard[question.bag],
            {ABMIL: ABMIL, score_column(question): "Student"},
        )
        places = {
            name: np.argsort(-of_bag(question, result, name), kind="stable")[:STRONGEST]
            for name in names
        }
        images = np.stack([question.case.data.images[rows[place]] for place in places.values()])
        words = [
            ("key, hard" if hard[at] else "key") if key[at] else ""
            for place in places.values()
            for at in place
        ]
        count = min(STRONGEST, question.layout.size)
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


def networks(question: ShownBag) -> Drawing:
    def part(table: Table) -> Table:
        row_names = [name for name in table.rows if name != BY_CLASS or question.score != ATTENTION]
        return table.select(MEASURES).take([table.rows.index(name) for name in row_names])

    series = {name: name for name in MEASURES if name != "key tiles found"}
    return Drawing(
        "figures",
        "All test bags",
        BarGroups(series=series, title="%", span=(0, 119), ticks=(0, 20, 40, 60, 80, 100)),
        lambda result: question.method.finding(question.case, result),
        part=part,
        wide=True,
    )
