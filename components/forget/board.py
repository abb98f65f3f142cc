"""The scoreboard: the table beside retraining.

Colors stand for the distance from the retrained model; the distance is also written in each cell.
"""

from __future__ import annotations

from html import escape

import numpy as np
import streamlit as st

from components import runs
from components.charts import tables
from components.charts.tables import as_table
from components.forget.asked import KEY, Asked
from components.forget.words import GOAL, named, percent, points, signed, time
from components.notices import plain
from components.runs import Outcome
from engine import run
from engine.result import Columns, Result
from engine.run import Answer
from engine.unlearning import Timing
from engine.unlearning.attack import band
from engine.unlearning.scoreboard import GAPS, ranking

FULL = 0.5  # a gap from which a cell has its full color
HEADS: tuple[tuple[str, str, str], ...] = (
    ("UA", "forgotten images wrong", "UA: the share of the forgotten images it now gets wrong"),
    ("RA", "others right", "RA: the share of the training images that stay it gets right"),
    ("TA", "test right", "TA: the share of test images it gets right; without a forgotten class"),
    ("MIA", "taken for strangers", "MIA: the share of forgotten images that a membership attacker "
     "takes for images it never learned"),
)  # fmt: skip


def ask(asked: Asked) -> Columns | None:
    """The table; None, with how far it is or why not, while there is none."""
    slot = f"{KEY}.Scoreboard"
    outcome = runs.ask_when_told(asked.scoreboard, asked.board, slot, "Forget")
    if isinstance(outcome, Answer):
        table: Columns = outcome["table"]
        return table
    waiting(outcome)
    return None


def waiting(outcome: Outcome | None) -> None:
    """What there is while the table is not whole."""
    if outcome is None:
        st.caption(
            "Each way is run on a copy of the model, and so is a whole training without these "
            "images, to compare with. Rows appear as they are done; it can be stopped at any time."
        )
        return
    runs.watch_growing(outcome, sofar)


def sofar(partial: Result) -> None:
    """The rows that are done."""
    table = partial.get("table")
    if isinstance(table, Columns) and len(table):
        st.html(as_html(table))


def timed(asked: Asked) -> Columns | None:
    """The fair seconds of every way, where they were asked for under "Time"."""
    found = run.known(Timing(), asked.board)
    return None if found is None else found["times"]


def show(table: Columns, times: Columns | None) -> None:
    """Table, what it means, and notes."""
    st.html(as_html(table, times))
    st.caption(f"{words(table)} {times_words(times)}")
    for way, note in zip(table.rows, table.notes, strict=True):
        if note:
            st.caption(plain(f"{named(way)}: {note}"))
    tables.numbers({f"{KEY}.board": as_table(table, rows=[named(way) for way in table.rows])})


def words(table: Columns) -> str:
    """How to read it."""
    said = (
        "No figure is good by being high: good is what is near the first row. A cell has the more "
        "color the farther it is off; the number in it says by how many points. "
    )
    if ranking(table) == "gap":
        return f"{said}Ways stand in the order of their average gap."
    accuracy = table.cell(GOAL, "attack accuracy")
    width = band(table.cell(GOAL, "attack images"))
    return (
        f"{said}The attack on the retrained model is near chance ({100 * accuracy:.0f} % right; "
        f"50 ± {100 * width:.0f} % says nothing), so ways stand in the order of the gap without it."
    )


def times_words(times: Columns | None) -> str:
    """What the seconds are."""
    if times is None:
        return (
            "Seconds are those of one run, where it was made; for the median of three after a "
            "warm-up, see “Time” below."
        )
    return "Seconds are the median of three runs here, after one to warm up."


def order(table: Columns) -> list[int]:
    """Places of the rows: the retrained one, then by gap; what failed comes last."""
    ranked = table[ranking(table)]
    gaps = np.where(np.isfinite(ranked), ranked, np.inf)
    rest = [at for at in np.argsort(gaps, kind="stable") if table.rows[at] != GOAL]
    return [table.rows.index(GOAL), *(int(at) for at in rest)]


def as_html(table: Columns, times: Columns | None = None) -> str:
    """A plain table, which a screen reader can walk through; with fair seconds where there are."""
    told = "of one run" if times is None else "the median of three runs"
    style = "padding:6px 10px;text-align:left;vertical-align:bottom;font-weight:600"
    heads = "".join(
        f'<th scope="col" style="{style}" title="{escape(about)}">{word}<br>'
        f'<span style="font-weight:400">{name}</span></th>'
        for name, word, about in HEADS
    )
    rest = "".join(
        f'<th scope="col" style="{style}" title="{about}">{word}</th>'
        for word, about in (
            ("average gap", "mean distance of the four from the retrained model, in points"),
            ("without MIA", "the same of the three without the attack"),
            (
                "cost",
                "forward and backward passes of images through the network, a backward one "
                f"counted as two, as a share of retraining's; seconds {told}",
            ),
        )
    )
    body = "".join(line(table, at, times) for at in order(table))
    return (
        '<div style="overflow-x:auto" tabindex="0" role="region" aria-label="Scoreboard">'
        '<table style="border-collapse:separate;border-spacing:2px;width:100%;font-size:.92rem">'
        f'<thead><tr><th scope="col" style="{style}">way</th>{heads}{rest}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def line(table: Columns, at: int, times: Columns | None) -> str:
    """One row."""
    goal = table.rows[at] == GOAL
    style = "padding:6px 10px;text-align:left;white-space:nowrap"
    edge = ";border-bottom:2px solid #808080" if goal else ""
    cells = "".join(cell(table, at, name, edge) for name, _, _ in HEADS)
    gaps = "".join(gap_cell(table, at, word, edge) for word in GAPS)
    share, seconds = float(table["share of retraining"][at]), float(table["seconds"][at])
    if times is not None:
        seconds = times.cell(table.rows[at], "seconds")
    spent = f" · {time(seconds)}" if np.isfinite(seconds) else ""
    cost = f"{percent(share)}{spent}" if np.isfinite(share) else tables.NONE
    name = named(table.rows[at])
    return (
        f'<tr><th scope="row" style="{style};font-weight:{600 if goal else 400}{edge}">'
        f"{escape(name)}</th>{cells}"
        f"{gaps}"
        f'<td style="{style}{edge}">{cost}</td></tr>'
    )


def gap_cell(table: Columns, at: int, word: str, edge: str) -> str:
    """One of the two gaps; ways are ranked by the one in bold."""
    goal = table.rows[at] == GOAL
    gap, spread = float(table[word][at]), float(table[f"{word} sd"][at])
    said = "the goal" if goal else points(gap) if np.isfinite(gap) else "failed"
    said += f" ± {100 * spread:.1f}" if np.isfinite(spread) and not goal else ""
    if ranking(table) == word:
        look = f"font-weight:600{tint(0 if goal else gap)}"
    else:
        look = "background:rgba(128,128,128,.18);font-style:italic"
    style = "padding:6px 10px;text-align:left;white-space:nowrap"
    return f'<td style="{style}{edge};{look}">{said}</td>'


def cell(table: Columns, at: int, name: str, edge: str) -> str:
    """One figure, with its distance from the retrained model."""
    value, off = float(table[name][at]), float(table[f"{name} − retrained"][at])
    style = f"padding:6px 10px;white-space:nowrap{edge}"
    if not np.isfinite(value):
        return f'<td style="{style}">{tables.NONE}</td>'
    said = percent(value)
    if table.rows[at] != GOAL:
        said += f" <small>{signed(off)}</small>"
    if name == "MIA" and not table["informative"][at]:
        gray = "background:rgba(128,128,128,.18);font-style:italic"
        return f'<td style="{style};{gray}" title="The attacker knows nothing here">{said}</td>'
    return f'<td style="{style}{tint(off) if table.rows[at] != GOAL else ""}">{said}</td>'


def tint(off: float) -> str:
    """The color of a distance, on either theme."""
    if not np.isfinite(off):
        return ""
    return f";background:rgba(230,120,0,{0.62 * min(abs(off) / FULL, 1):.2f})"
