"""The scoreboard: every way beside retraining, in the color of its distance from it."""

import numpy as np

from components.forget.words import FIGURES, GOAL, OF_A_MODE, percent, row_label, signed, time
from engine.core.charts.ranking import RankingCell, RankingHead, RankingRow, RankingTable, tint
from engine.core.charts.words import NONE
from engine.core.result import Table
from engine.evaluation.forgetting.attack import band
from engine.unlearning.protocol.scoreboard import GAPS, ranking

FULL, OPACITY = 0.5, 0.62  # a gap from which a cell has its full color, and how opaque that is


def board(table: Table, times: Table | None = None) -> RankingTable:
    seconds = "of one run" if times is None else "the median of three runs"
    cost_words = (
        "forward and backward passes of images through the network, a backward one counted as two, "
        f"as a share of retraining's; seconds {seconds}"
    )
    heads = (
        RankingHead("way"),
        *(RankingHead(word, name, f"{name}: {about}") for name, (word, about) in FIGURES.items()),
        *(RankingHead(name, "of the test", about) for name, about in mode_note(table).items()),
        RankingHead("average gap", "", "mean distance of the four from the retrained model"),
        RankingHead("without MIA", "", "the same of the three without the attack"),
        RankingHead("cost", "", cost_words),
    )
    rows = [
        RankingRow(
            row_label(way),
            [
                *(figure(table, way, name) for name in (*FIGURES, *mode_note(table))),
                *(gap(table, way, word) for word in GAPS),
                cost_cell(table, way, table if times is None else times),
            ],
            "bottom" if way == GOAL else "",
        )
        for way in row_order(table)
    ]
    return RankingTable("Scoreboard", heads, rows, names=[row_label(way) for way in table.rows])


def mode_note(table: Table) -> dict[str, str]:
    return {name: about for name, about in OF_A_MODE.items() if name in table.order}


def row_order(table: Table) -> list[str]:
    gaps = np.nan_to_num(table[ranking(table)], nan=np.inf)
    ways = [table.rows[at] for at in np.argsort(gaps, kind="stable")]
    return [GOAL, *(way for way in ways if way != GOAL)]


def figure(table: Table, way: str, name: str) -> RankingCell:
    value, off = table.cell(way, name), table.cell(way, f"{name} − retrained")
    if not np.isfinite(value):
        return RankingCell()
    small = "" if way == GOAL else signed(off)
    if name == "MIA" and not table.cell(way, "informative"):
        about = "The attacker knows nothing here"
        return RankingCell(percent(value), small, ignored=True, about=about)
    return RankingCell(percent(value), small, 0 if way == GOAL else colored(off))


def gap(table: Table, way: str, word: str) -> RankingCell:
    value, spread = table.cell(way, word), table.cell(way, f"{word} sd")
    ranks = ranking(table) == word
    if way == GOAL:
        return RankingCell("the goal", bold=ranks, ignored=not ranks)
    text = f"{100 * value:.1f} points" if np.isfinite(value) else "failed"
    text += f" ± {100 * spread:.1f}" if np.isfinite(spread) else ""
    return RankingCell(text, tint=colored(value), bold=ranks, ignored=not ranks)


def cost_cell(table: Table, way: str, times: Table) -> RankingCell:
    share, seconds = table.cell(way, "share of retraining"), times.cell(way, "seconds")
    spent = f" · {time(seconds)}" if np.isfinite(seconds) else ""
    return RankingCell(f"{percent(share)}{spent}" if np.isfinite(share) else NONE)


def colored(off: float) -> float:
    return tint(off / FULL, OPACITY)


def finding(table: Table, times: Table | None = None) -> str:
    notes = zip(table.rows, table.notes, strict=False)
    return " ".join(
        [
            "No figure is good by being high: good is what is near the first row. Color and the "
            "small number say how many points a cell is off.",
            order_words(table),
            "Seconds are those of one run, where it was made; for the median of three after a "
            "warm-up, see “Time” below."
            if times is None
            else "Seconds are the median of three runs here, after one to warm up.",
            *(f"{row_label(way)}: {note}" for way, note in notes if note),
        ]
    )


def order_words(table: Table) -> str:
    if ranking(table) == "gap":
        return "Ways stand in the order of their average gap."
    accuracy, images = (table.cell(GOAL, name) for name in ("attack accuracy", "attack images"))
    return (
        f"The attack on the retrained model is near chance ({100 * accuracy:.0f} % right; 50 ± "
        f"{100 * band(images):.0f} % says nothing), so ways stand in the order of the gap without "
        "it."
    )
