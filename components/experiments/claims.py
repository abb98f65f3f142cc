"""The figures behind an experiment's claims."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.anomaly.experiments.smote import SEGMENTS
from engine.charts.bars import Dots
from engine.charts.chart import column_unit
from engine.charts.drawing import Drawing
from engine.charts.words import percent
from engine.experiment import deviation_column
from engine.result import Table


def measures_drawing(measures: Sequence[str], axis: str) -> Drawing:
    """A mark for each condition and measure, with the standard deviation over seeds.

    Args:
        measures: of the experiment.
        axis: what they are shares of.
    """
    return Drawing(
        "table",
        chart=lambda result: Dots(
            series={name: name for name in measures},
            intervals={name: (deviation_column(name),) for name in measures},
            title=axis,
            span=(-4, 104) if column_unit(result["table"], measures[0]) == "%" else None,
        ),
        finding=lambda result: measure_sentence(
            result["table"], first_known(result["table"], measures)
        ),
    )


def first_known(table: Table, measures: Sequence[str]) -> str:
    """The first measure that has a number under any condition."""
    return next((measure for measure in measures if np.isfinite(table[measure]).any()), measures[0])


def measure_sentence(table: Table, measure: str) -> str:
    """One measure under every condition; where there is no number, the condition is left out."""
    cells = ((row, table.cell(row, measure)) for row in table.rows)
    unit = column_unit(table, measure)
    values = [
        f"{row} {100 * value:.0f} %" if unit == "%" else f"{row} {value:.1f} {unit}"
        for row, value in cells
        if np.isfinite(value)
    ]
    if not values:
        return f"{measure[:1].upper()}{measure[1:]} is not known."
    return f"{measure[:1].upper()}{measure[1:]}, by condition: {', '.join(values)}."


def rules(gaps: Table) -> list[str]:
    """What has a gap at each width, without the columns that say how much it varies."""
    return [name for name in gaps.order if name != "width" and deviation_column(name) in gaps.order]


def by_width(gaps: Table) -> str:
    """How far each rule is below dense in the narrowest and in the widest network."""
    narrow, wide = gaps.rows[0], gaps.rows[-1]
    results = [
        f"{name} {100 * gaps.cell(narrow, name):.1f} at {narrow}, "
        f"{100 * gaps.cell(wide, name):.1f} at {wide}"
        for name in rules(gaps)
    ]
    words = f"Points below the dense network of the same width: {'; '.join(results)}."
    return words.replace("-", "−")


def measure_columns(table: Table) -> list[str]:
    """The columns over the share of weights, without those that say how much they vary."""
    return [name for name in table.order if deviation_column(name) in table.order]


def by_share(table: Table) -> str:
    """What all weights get right, and what the fewest do."""
    dense, sparse = table.rows[0], table.rows[-1]
    results = [
        f"{name} {100 * table.cell(dense, name):.1f} and {100 * table.cell(sparse, name):.1f} %"
        for name in measure_columns(table)
    ]
    return f"{dense[:1].upper()}{dense[1:]} and {sparse}: {'; '.join(results)}."


def mixtures(table: Table) -> str:
    """What is learned by the share that is protected, mixed and without the protected images."""
    results = []
    for row in table.rows:
        values = [table.cell(row, name) for name in measure_columns(table)]
        figures = " and ".join(percent(value) for value in values if np.isfinite(value))
        results.append(f"{row}: {figures}")
    return (
        f"Clean test images right with {' and with '.join(measure_columns(table))}. "
        f"{'; '.join(results)}. "
        "Where the lines meet, protected images add nothing."
    )


def sure(table: Table, way: str) -> str:
    """How far confidence is off in one way, dense and for the sparsest ticket; mean over seeds."""
    results = []
    for row in (table.rows[0], table.rows[-1]):
        plain, cooled = (table.cell(row, f"ECE {way}{end}") for end in ("", ", at its temperature"))
        words = f"{row} {100 * plain:.1f}"
        results.append(words if np.isnan(cooled) else f"{words} ({100 * cooled:.1f})")
    return (
        f"Points off on average (ECE): {', '.join(results)}. In parentheses: at a temperature "
        "fitted on validation images. Drawn: the first seed."
    )


def partners(table: Table) -> str:
    """Which of the source's classes each new one is bound to, and how often it is taken for it."""
    rows = {name: row for row, name in enumerate(table.notes) if name}
    hits = sum(float(table[name][row]) for name, row in rows.items())
    total = sum(float(table[name].sum()) for name in table.order)
    pairs = ", ".join(f"{name} → {table.rows[rows[name]]}" for name in table.order)
    return (
        f"Test images by what the source takes them for; framed pairs are bound: {pairs}. "
        f"{100 * hits / total:.0f} % of the images lie in them."
    )


def hulls(table: Table) -> str:
    """How many rare images can be found at a tenth of false alarms, by hull."""
    at = int(abs(table["false alarms"] - 0.1).argmin())
    results = [f"{name} {100 * table[name][at]:.0f} %" for name in table.order[1:]]
    return (
        "Hulls of ROC curves with all to a twentieth of the other images, with the first seed. "
        f"Found at 10 % false alarms: {', '.join(results)}."
    )


def smote_sentence(table: Table) -> str:
    """How many images there are in the plane, and how far SMOTE's spread in it."""
    *drawn, real = (name for name in dict.fromkeys(table.rows) if name != SEGMENTS)
    groups = [np.array(table.rows) == name for name in (real, *drawn)]
    spreads = [sum(float(table[column][rows].var()) for column in table.order) for rows in groups]
    words = f"{groups[0].sum()} real images, with the first seed"
    if drawn:
        words += (
            f", and {groups[1].sum()} of SMOTE's, with {100 * spreads[1] / spreads[0]:.0f} % of "
            "their spread in this plane"
        )
    words += ". The plane is that in which the real ones differ most; "
    if SEGMENTS in table.rows:
        return f"{words}a line leads from each to each of its nearest."
    return f"{words}each pixel is drawn on its own, so that no lines lead to where images may lie."


def engaged(table: Table) -> str:
    """How many experts each image engages, and where experts contradict each other most."""
    names = [row.rpartition(", ")[0] for row in table.rows]
    phrases = [
        f"{name} "
        f"{sum(int(table['engaged'][at]) for at, row_name in enumerate(names) if row_name == name)}"
        for name in dict.fromkeys(names)
    ]
    worst = int(np.argmax(table["conflict"]))
    return (
        f"Experts engaged, of {names.count(names[0])}: {', '.join(phrases)}. Most conflict with "
        "the "
        f"expert before: {table.rows[worst]} ({percent(float(table['conflict'][worst]))})."
    )


def half_reached(reached: Table) -> str:
    """How many slices each network outlines with a Dice of .5 or more, with the first seed."""
    at = int(abs(reached["Dice"] - 0.5).argmin())
    shares = [f"{name} {100 * reached[name][at]:.0f} %" for name in reached.order[1:]]
    return f"A Dice of .5 or more, first seed: {', '.join(shares)} of test slices."
