"""How an outline meets the truth when a map is cut lower or higher."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.charts.drawing import Drawing
from engine.core.charts.lines import Lines
from engine.core.method import Method
from engine.core.result import Floats, Table
from engine.evaluation.maps.own_map import OwnMap
from engine.evaluation.measures.outlines import GROUPS, OFFSET, dice_by_offset
from engine.vision.data.example import Mask

OFFSETS = np.linspace(0, 2, 41).round(2)
CUT = "offset"


@dataclass(frozen=True, eq=False)
class CutMap:
    """A map that is cut by the rule, and where it is cut in the picture.

    Args:
        values: (H, W).
        groups: into which multi-Otsu parts it.
        offset: below the highest threshold.
    """

    values: Floats
    groups: int = GROUPS
    offset: float = OFFSET


def cut_maps(
    answers: Mapping[str, Mapping[str, Any]], methods: Mapping[str, Method[Any]]
) -> dict[str, CutMap]:
    """The maps that are cut by the rule and outline something.

    A mask of shares is cut at one half always, and a map whose outline is refused at no place.
    """
    cuts = {}
    for title, answer in answers.items():
        heat_map, method = answer["map"], methods.get(title)
        if "outline" not in answer:
            cuts[title] = CutMap(heat_map.values)
        elif heat_map.signed and isinstance(method, OwnMap) and answer["outline"].values.any():
            cuts[title] = CutMap(heat_map.values, method.groups, method.offset)
    return cuts


def by_offset(maps: Mapping[str, CutMap], truth: Mask) -> Drawing:
    table = curves(maps, truth)
    chart = Lines(
        x=CUT,
        series={title: title for title in maps},
        title="Dice",
        x_title="offset below multi-Otsu's highest threshold, standard deviations of the map",
    )
    return Drawing(
        "map", "", chart, lambda _: best_offsets(table, maps, truth), made=lambda _: table
    )


def curves(maps: Mapping[str, CutMap], truth: Mask) -> Table:
    columns = {
        title: (dice_by_offset(cut_map.values, truth, OFFSETS.tolist(), cut_map.groups), "")
        for title, cut_map in maps.items()
    }
    return Table.of({CUT: (OFFSETS, ""), **columns})


def best_offsets(table: Table, maps: Mapping[str, CutMap], truth: Mask) -> str:
    lines = []
    for title, cut_map in maps.items():
        current_dice = dice_by_offset(cut_map.values, truth, [cut_map.offset], cut_map.groups)[0]
        lines.append(f"{title}: {current_dice:.2f} as cut above, {table[title].max():.2f} at best.")
    return " ".join(lines)
