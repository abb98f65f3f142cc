"""What is left on a new task, how sure it is, and which classes are bound: charts and sentences."""

import numpy as np

from engine.core.charts.drawing import Drawing
from engine.core.charts.lines import Lines
from engine.core.charts.matrix import Matrix
from engine.core.charts.reliability import Reliability, models_in_bins
from engine.core.result import Table
from engine.evaluation.experiment import deviation_column, measure_columns


def by_share(table: Table) -> str:
    """What all weights get right, and what the fewest do."""
    dense, sparse = table.rows[0], table.rows[-1]
    results = [
        f"{name} {100 * table.cell(dense, name):.1f} and {100 * table.cell(sparse, name):.1f} %"
        for name in measure_columns(table)
    ]
    return f"{dense[:1].upper()}{dense[1:]} and {sparse}: {'; '.join(results)}."


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


def reliability(word: str, title: str, way: str) -> Drawing:
    """Confidence and right answers of the dense network and the sparsest ticket.

    Args:
        word: how the views of bins begin.
        title: above it.
        way: how its measures end.
    """
    names = {"dense": "dense", "ticket": "sparsest ticket"}
    return Drawing(
        f"{word} ticket",
        title,
        Reliability(models=names),  # it comes last
        lambda result: sure(result["table"], way),
        made=lambda result: models_in_bins({name: result[f"{word} {name}"] for name in names}),
    )


def bindings(table: Table) -> Matrix:
    """A frame around each pair that is bound."""
    places = [(row, table.order.index(name)) for row, name in enumerate(table.notes) if name]
    return Matrix(outlined=places, form=".0f", height=560, x_title="class of the new task")


DRAWINGS = (
    Drawing(
        "transfer",
        "What is left on the new task, by weights kept",
        chart=lambda result: Lines(
            x="weights kept",
            series={column: column for column in measure_columns(result["transfer"])},
            intervals={
                column: (deviation_column(column),)
                for column in measure_columns(result["transfer"])
            },
            ticks=(100 * result["transfer"]["weights kept"]).tolist(),
            log=True,
            span=(0, 104),
            title="test images right (%)",
            x_title="weights kept (%)",
        ),
        finding=lambda result: by_share(result["transfer"]),
    ),
    reliability("prompt", "Is it as sure as it is right? Inside a prompt", "inside a prompt"),
    reliability("probe", "Is it as sure as it is right? With a new head", "with a new head"),
    Drawing("prompts", "What was learned around the images"),
    Drawing(
        "bound",
        "Which angle stands for which digit, in the dense network",
        chart=lambda result: bindings(result["bound"]),
        finding=lambda result: partners(result["bound"]),
    ),
)
