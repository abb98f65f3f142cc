"""What the tape rests on: learning curves, layers, and how alike the seeds' tickets are."""

from functools import partial

import numpy as np

from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.charts.matrix import Matrix
from engine.core.result import Table
from engine.sparsity.lth.levels import ARMS


def drawings(level: int) -> tuple[Drawing, ...]:
    return (
        Drawing(
            "curves",
            f"How level {level} learns",
            part=partial(rows_of, level=level),
            chart=partial(learning, level=level),
            finding=partial(sooner, level=level),
        ),
        Drawing(
            "layers",
            "What stays of each layer",
            chart=lambda result: Lines(
                x="",
                series={name: name for name in result["layers"].order},
                x_title="level",
                names=[str(index) for index in range(len(result["layers"]))],
                title="stays (%)",
                span=(-3, 103),
            ),
            finding=partial(layers, level=level),
        ),
        Drawing(
            "overlap",
            f"How alike the seeds' tickets are at level {level}",
            made=partial(ticket_overlaps, level=level),
            finding=partial(alike, level=level),
            chart=Matrix(span=(0, 100), form=".0f", bar="weights in common (%)", height=320),
        ),
    )


def rows_of(table: Table, level: int) -> Table:
    return table.take(np.flatnonzero(table["level"] == level).tolist())


def learning(result: Views, level: int) -> Lines:
    stop = float(result["levels"]["ticket, early stop"][level])
    return Lines(
        x="step",
        series={arm: arm for arm in ARMS},
        bands={arm: (f"{arm}, lowest", f"{arm}, highest") for arm in ARMS},
        title="validation loss (nat)",
        now=stop if np.isfinite(stop) else None,
        now_name="ticket's early stop",
    )


def sooner(result: Views, level: int) -> str:
    levels: Table = result["levels"]
    stops = [float(levels[f"{arm}, early stop"][level]) for arm in ARMS]
    if not np.isfinite(stops).all():
        return "There are no validation images, so that no early stop is known."
    named = [f"{arm} at step {stop:.0f}" for arm, stop in zip(ARMS, stops, strict=True)]
    last = result["curves"]["step"].max()
    return f"Lowest validation loss of {last:.0f} steps, mean over seeds: {', '.join(named)}."


def layers(found: Views, level: int) -> str:
    table: Table = found["layers"]
    shares = {name: float(table[name][level]) for name in table.order}
    low, high = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
    return (
        f"Level {level}: least stays of {low} ({100 * shares[low]:.2g} %), most of {high} "
        f"({100 * shares[high]:.2g} %)."
    )


def ticket_overlaps(result: Views, level: int) -> Table:
    """IoU of the tickets of every two seeds, (K, K); without rows where there is one seed."""
    level_rows = rows_of(result["overlap"], level)
    seeds = [f"seed {seed:.0f}" for seed in np.unique(result["runs"]["seed"])]
    cells = np.eye(len(seeds)) if len(level_rows) else np.zeros((0, len(seeds)))
    for first, second, share in zip(
        level_rows["first"], level_rows["second"], level_rows["IoU"], strict=True
    ):
        cells[int(first), int(second)] = cells[int(second), int(first)] = share
    return Table.grid(cells, seeds[: len(cells)], seeds, ["share"] * len(seeds))


def alike(result: Views, level: int) -> str:
    level_rows = rows_of(result["overlap"], level)
    if not len(level_rows):
        return ""
    return (
        "Of the weights that either of two seeds' tickets keeps, both keep "
        f"{100 * level_rows['IoU'].mean():.1f} % (mean of pairs); masks drawn by chance with these "
        f"layer densities: {100 * level_rows['chance'].mean():.1f} %."
    )
