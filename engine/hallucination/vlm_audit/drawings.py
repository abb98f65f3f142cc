"""Success by size of change and by defense: charts and their sentences."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.result import Table
from engine.evaluation.experiment import deviation_column
from engine.hallucination.vlm_audit.claims import (
    AWARE,
    DECLINED,
    DECLINED_NOISE,
    DETECTOR_AUROC,
    EPS50,
    EVADES,
    LEVELS,
    MIDDLE,
    NOISE,
    PLAIN,
    UNAWARE,
    success,
)

DEFENDED = (PLAIN, *UNAWARE.values(), *AWARE.values(), NOISE)
OTHERS = (PLAIN, EVADES, DECLINED, DECLINED_NOISE)
X = "ε"
OVER = "largest change ε (of 255)"
Measure = Callable[[int], str]  # how the share that succeeds at an ε is called


def over_epsilon(
    result: Views, names: Sequence[str], levels: Sequence[int] = LEVELS, measure: Measure = success
) -> Table:
    """Success of some conditions over ε with its deviation over seeds; names tell ε50."""
    table: Table = result["table"]
    columns: dict[str, tuple[Any, str]] = {X: (np.array(levels, np.float64), "/255")}
    for name in names:
        if name in table.rows:
            columns[condition_title(table, name)] = (
                [table.cell(name, measure(e)) for e in levels],
                "share",
            )
            deviations = [table.cell(name, deviation_column(measure(e))) for e in levels]
            columns[deviation_column(condition_title(table, name))] = deviations, "share"
    return Table.of(columns)


def condition_title(table: Table, name: str) -> str:
    """A condition with its ε50."""
    half = table.cell(name, EPS50)
    return f"{name}, ε50 = {half:.1f}" if np.isfinite(half) else f"{name}, no ε50"


def success_lines(over: Table, title: str = "says the phrase (%)") -> Lines:
    """A line for each condition, from a table over ε."""
    series = [column for column in over.order[1:] if not column.endswith("(sd)")]
    return Lines(
        x=X,
        series={column: column for column in series},
        intervals={column: (deviation_column(column),) for column in series},
        x_title=OVER,
        title=title,
        span=(-4, 104),
        ticks=over[X].tolist(),
    )


def defended_words(result: Views) -> str:
    """Success at the middle ε, outside and inside of the attack."""
    table: Table = result["table"]
    parts = [
        f"{name} {100 * table.cell(name, success(MIDDLE)):.0f} %"
        for name in DEFENDED
        if name in table.rows
    ]
    return f"At ε = {MIDDLE}/255: {', '.join(parts)}. ε50: where half of the trials succeed."


def other_words(result: Views) -> str:
    """What the detector finds, and how many declined questions are answered."""
    table: Table = result["table"]
    parts = [
        f"the detector finds {name} with an AUROC of {table.cell(name, DETECTOR_AUROC):.2f}"
        for name in (PLAIN, EVADES, NOISE)
        if name in table.rows and np.isfinite(table.cell(name, DETECTOR_AUROC))
    ]
    if DECLINED in table.rows:
        share = 100 * table.cell(DECLINED, success(MIDDLE))
        parts.append(f"{share:.0f} % of declined questions get the color of the audit")
    words = "; ".join(parts)
    return f"At ε = {MIDDLE}/255, {words}."


def nats_words(result: Views) -> str:
    """How unlikely a phrase is at the ends."""
    nats: Table = result["nats"]
    return (
        f"Nats for each word of the phrase, without a defense: {nats[PLAIN][0]:.1f} at ε = 0, "
        f"{nats[PLAIN][-1]:.2f} at {LEVELS[-1]}/255 (first seed)."
    )


def named_words(result: Views) -> str:
    """What is still named at the middle ε."""
    named: Table = result["named"]
    at = LEVELS.index(MIDDLE)
    return (
        f"At ε = {MIDDLE}/255, {100 * named[PLAIN][at]:.0f} % of what is there is still named "
        f"after an attack, {100 * named[NOISE][at]:.0f} % with noise (first seed)."
        if NOISE in named.order
        else "With the first seed."
    )


def lines_over(result: Views, view: str, title: str) -> Lines:
    """The descriptions' conditions over ε."""
    names = [column for column in DEFENDED if column in result[view].order]
    return Lines(
        x=X, series={name: name for name in names}, x_title=OVER, title=title, ticks=list(LEVELS)
    )


DRAWINGS = (
    Drawing(
        "nats", "Success by size of change: each defense outside of the attack, and inside",
        lambda result: success_lines(over_epsilon(result, DEFENDED)), defended_words,
        made=lambda result: over_epsilon(result, DEFENDED),
    ),
    Drawing(
        "nats", "The detector, and questions that it declines",
        lambda result: success_lines(over_epsilon(result, OTHERS)), other_words,
        made=lambda result: over_epsilon(result, OTHERS),
    ),
    Drawing(
        "nats", "How unlikely the phrase still is",
        lambda result: lines_over(result, "nats", "loss (nats for each word)"), nats_words,
    ),
    Drawing(
        "named", "What is still named of the scene",
        lambda result: lines_over(result, "named", "true things named (%)"), named_words,
    ),
    Drawing(
        "steps", "The loss on the way",
        Lines(x="step", title="loss (nats for each word)"),
        lambda _: "Without a defense, mean over all trials of the first seed.",
    ),
)  # fmt: skip
