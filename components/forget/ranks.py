"""How the order of the ways changes between hard, random and easy images to forget."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components import runs
from components.draw.drawing import draw
from components.forget.asked import KEY, MethodDetail
from components.forget.words import BEFORE, GOAL, row_label
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.matrix import Matrix
from engine.core.result import Table
from engine.core.run import Answer
from engine.unlearning import BoardCase, ForgetCase, request
from engine.unlearning.protocol.scoreboard import ranking
from engine.unlearning.worst_forget.worst import EASIEST, HARDEST, RANDOM, worst_case

SLOT = f"{KEY}.sets"
SETS = {HARDEST: "hard", RANDOM: "random", EASIEST: "easy"}
FULL = 50  # points of a gap that have the full color
Sets = Mapping[str, Views]  # the answers of the search, by SETS


def cases(case: ForgetCase, sets: Sets) -> Mapping[str, ForgetCase]:
    results = {}
    for kind, name in SETS.items():
        ids = sets[kind]["images"]["id"].astype(np.int64)
        forget_request = (
            request.at_random(case.data, seed=case.seed, count=len(ids))
            if kind == RANDOM
            else worst_case(ids, kind)
        )
        results[name] = replace(case, request=forget_request)
    return results


def rank(detail: MethodDetail, sets: Sets) -> None:
    st.markdown("**Does the order of the ways change?**")
    boards = {
        name: BoardCase(case, detail.question.case.methods)
        for name, case in cases(detail.case.case, sets).items()
    }
    outcomes = runs.ask_all_when_told(
        detail.question.method, boards, f"{SLOT}.ranks", "Let every way forget these images"
    )
    runs.watch(list(outcomes.values()))
    tables = {
        name: outcome["table"] for name, outcome in outcomes.items() if isinstance(outcome, Answer)
    }
    if len(tables) == len(SETS):
        draw(RANKS, {"gaps": gaps(tables)}, f"{SLOT}.ranks.gaps")
        if column_of(tables) != "gap":
            st.caption(
                "The attack on a retrained model is near chance on at least one of the sets, so "
                "the gaps of all three are those without it."
            )


def column_of(tables: Mapping[str, Table]) -> str:
    """The gap that ranks on all sets: without the attack, where that says nothing on one."""
    return "gap" if all(ranking(table) == "gap" for table in tables.values()) else "gap without MIA"


def gaps(tables: Mapping[str, Table]) -> Table:
    column, chance = column_of(tables), tables[SETS[RANDOM]]
    ways = [way for way in chance.rows if way not in {GOAL, BEFORE}]
    ways.sort(key=lambda way: float(np.nan_to_num(chance.cell(way, column), nan=np.inf)))
    ways = [way for way in (BEFORE, *ways) if way in chance.rows]
    return Table.of(
        {
            name: ([table.cell(way, column) for way in ways], "share")
            for name, table in tables.items()
        },
        [row_label(way) for way in ways],
    )


def way_ranks(table: Table) -> NDArray[np.float64]:
    """The rank of each way on each set, (ways, sets), 1 the nearest to retraining.

    What failed has none, nor has the model that nothing was done to; equal gaps share a rank.
    """
    result = np.full(table.values.shape, np.nan)
    ways = [at for at, way in enumerate(table.rows) if way != row_label(BEFORE)]
    for at, set_gaps in enumerate(table.values[ways].T):
        ranks = np.array([1 + (set_gaps < gap).sum() for gap in set_gaps], np.float64)
        result[ways, at] = np.where(np.isfinite(set_gaps), ranks, np.nan)
    return result


def rank_matrix(result: Views) -> Matrix:
    table: Table = result["gaps"]
    texts = [
        [gap_with_rank(*cell) for cell in zip(*row, strict=True)]
        for row in zip(100 * table.values, way_ranks(table), strict=True)
    ]
    return Matrix(span=(0, FULL), texts=texts, bar="points away from retraining", height=380)


def gap_with_rank(gap: float, place: float) -> str:
    if not np.isfinite(gap):
        return "failed"
    return f"{gap:.1f} (no. {place:.0f})" if np.isfinite(place) else f"{gap:.1f}"


def ranks_finding(result: Views) -> str:
    table: Table = result["gaps"]
    ranks = way_ranks(table)
    if not np.isfinite(ranks).any():
        return "No way gave numbers."
    first = [
        f"{name} {table.rows[int(np.nanargmin(ranks[:, at]))]}"
        for at, name in enumerate(table.order)
        if np.isfinite(ranks[:, at]).any()
    ]
    words = f"Average gap, 0 is best. Nearest to retraining: {', '.join(first)}."
    chance = table.order.index(SETS[RANDOM])
    change = np.nan_to_num(ranks - ranks[:, [chance]])
    if not change.any():
        return f"{words} No way changes its rank."
    way, at = np.unravel_index(np.abs(change).argmax(), change.shape)
    verb = "loses" if change[way, at] > 0 else "gains"
    return (
        f"{words} {table.rows[way]} {verb} most: no. {ranks[way, chance]:.0f} on random images, "
        f"no. {ranks[way, at]:.0f} on {table.order[at]} ones."
    )


RANKS = Drawing("gaps", "", rank_matrix, ranks_finding)
