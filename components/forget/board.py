"""The scoreboard: every way beside retraining, in the color of its distance from it."""

from __future__ import annotations

import numpy as np

from components.charts.tables import NONE
from components.draw.ranking_table import (
    RankingCell,
    RankingHead,
    RankingRow,
    RankingTable,
    tint,
)
from components.forget.words import GOAL, named, percent, points, signed, time
from engine.result import Columns
from engine.unlearning.protocol.attack import band
from engine.unlearning.protocol.scoreboard import GAPS, ranking

FULL, OPACITY = 0.5, 0.62  # a gap from which a cell has its full color, and how opaque that is
FIGURES = {
    "UA": ("forgotten images wrong", "the share of the forgotten images it now gets wrong"),
    "RA": ("others right", "the share of the training images that stay it gets right"),
    "TA": ("test right", "the share of test images it gets right; without a forgotten class"),
    "MIA": ("taken for strangers", "the share of forgotten images that a membership attacker takes "
            "for images it never learned"),
}  # fmt: skip


def board(table: Columns, times: Columns | None = None) -> RankingTable:
    """The table beside retraining, with the fair seconds where they are known."""
    seconds = "of one run" if times is None else "the median of three runs"
    cost = (
        "forward and backward passes of images through the network, a backward one counted as two, "
        f"as a share of retraining's; seconds {seconds}"
    )
    heads = (
        RankingHead("way"),
        *(RankingHead(word, name, f"{name}: {about}") for name, (word, about) in FIGURES.items()),
        RankingHead("average gap", "", "mean distance of the four from the retrained model"),
        RankingHead("without MIA", "", "the same of the three without the attack"),
        RankingHead("cost", "", cost),
    )
    rows = [row(table, at, times) for at in order(table)]
    return RankingTable("Scoreboard", heads, rows, names=[named(way) for way in table.rows])


def order(table: Columns) -> list[int]:
    """Places of the rows: the retrained one, then by gap; what failed comes last."""
    ranked = table[ranking(table)]
    gaps = np.where(np.isfinite(ranked), ranked, np.inf)
    rest = [at for at in np.argsort(gaps, kind="stable") if table.rows[at] != GOAL]
    return [table.rows.index(GOAL), *(int(at) for at in rest)]


def row(table: Columns, at: int, times: Columns | None) -> RankingRow:
    """One way."""
    way = table.rows[at]
    cells = (
        *(figure(table, at, name) for name in FIGURES),
        *(gap(table, at, word) for word in GAPS),
        cost(table, at, times),
    )
    return RankingRow(named(way), cells, "bottom" if way == GOAL else "")


def figure(table: Columns, at: int, name: str) -> RankingCell:
    """One figure, with its distance from the retrained model."""
    value, off = float(table[name][at]), float(table[f"{name} − retrained"][at])
    if not np.isfinite(value):
        return RankingCell()
    small = "" if table.rows[at] == GOAL else signed(off)
    if name == "MIA" and not table["informative"][at]:
        about = "The attacker knows nothing here"
        return RankingCell(percent(value), small, ignored=True, about=about)
    return RankingCell(percent(value), small, colored(0 if table.rows[at] == GOAL else off))


def gap(table: Columns, at: int, word: str) -> RankingCell:
    """One of the two gaps; ways are ranked by the one in bold."""
    value, spread = float(table[word][at]), float(table[f"{word} sd"][at])
    ranks = ranking(table) == word
    if table.rows[at] == GOAL:
        return RankingCell("the goal", bold=ranks, ignored=not ranks)
    text = points(value) if np.isfinite(value) else "failed"
    text += f" ± {100 * spread:.1f}" if np.isfinite(spread) else ""
    return RankingCell(text, tint=colored(value), bold=ranks, ignored=not ranks)


def cost(table: Columns, at: int, times: Columns | None) -> RankingCell:
    """Passes as a share of retraining's, and seconds."""
    share, seconds = float(table["share of retraining"][at]), float(table["seconds"][at])
    if times is not None:
        seconds = times.cell(table.rows[at], "seconds")
    spent = f" · {time(seconds)}" if np.isfinite(seconds) else ""
    return RankingCell(f"{percent(share)}{spent}" if np.isfinite(share) else NONE)


def colored(off: float) -> float:
    """How much color a distance has."""
    return tint(off / FULL, OPACITY)


def finding(table: Columns, times: Columns | None = None) -> str:
    """How to read it, and what it lacks."""
    notes = [
        f"{named(way)}: {note}" for way, note in zip(table.rows, table.notes, strict=False) if note
    ]
    return " ".join([
        "No figure is good by being high: good is what is near the first row. Color and the small "
        "number say how many points a cell is off.",
        order_words(table), times_words(times), *notes,
    ])  # fmt: skip


def order_words(table: Columns) -> str:
    """By which gap the ways are ranked, and why."""
    if ranking(table) == "gap":
        return "Ways stand in the order of their average gap."
    accuracy = table.cell(GOAL, "attack accuracy")
    width = band(table.cell(GOAL, "attack images"))
    return (
        f"The attack on the retrained model is near chance ({100 * accuracy:.0f} % right; "
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
