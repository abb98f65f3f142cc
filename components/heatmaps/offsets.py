"""How an outline meets the truth when a map is cut lower or higher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.draw.drawing import Drawing
from components.draw.lines import Lines
from engine.data.example import Mask
from engine.measures.outlines import OFFSET, dice_by_offset
from engine.result import HeatMap, Table

OFFSETS = np.linspace(0, 2, 41).round(2)
CUT = "offset"


def scores_of(answers: Mapping[str, Mapping[str, Any]]) -> dict[str, HeatMap]:
    """The maps that are cut by the rule; a mask of shares is cut at one half always."""
    return {
        title: one["map"]
        for title, one in answers.items()
        if one["map"].signed or "outline" not in one
    }


def by_offset(maps: Mapping[str, HeatMap], truth: Mask) -> Drawing:
    """A line for each map."""
    table = curves(maps, truth)
    chart = Lines(
        x=CUT, series={title: title for title in maps}, title="Dice", now=OFFSET,
        now_name="as above",
        x_title="offset below multi-Otsu's highest threshold, standard deviations of the map",
    )  # fmt: skip
    return Drawing("map", "", chart, lambda _: best(table), made=lambda _: table)


def curves(maps: Mapping[str, HeatMap], truth: Mask) -> Table:
    """Dice at each offset, a column for each map."""
    columns = {
        title: (dice_by_offset(one.values, truth, OFFSETS.tolist()), "")
        for title, one in maps.items()
    }
    return Table.of({CUT: (OFFSETS, ""), **columns})


def best(table: Table) -> str:
    """Each map's Dice at the offset that is used, and at its best one."""
    here = int(np.flatnonzero(np.isclose(table[CUT], OFFSET))[0])
    return " ".join(
        f"{title}: {table[title][here]:.2f} as cut above, {table[title].max():.2f} at best."
        for title in table.order
        if title != CUT
    )
