"""Where a refusal is decided, and the way around it: charts and their sentences."""

import numpy as np

from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.groups import PointGroups
from engine.core.charts.lines import Lines
from engine.core.charts.matrix import Matrix
from engine.core.result import Table
from engine.hallucination.ssr_audit.examined import CAUSES
from engine.hallucination.ssr_audit.refusal_claims import FIRST, OUTPUT
from engine.hallucination.ssr_audit.refusal_views import ANSWERED, DECLINED, WAY

LAYERS, PARTS, PATH, FREE = (f"decline {name}" for name in ("layers", "parts", "way", "free"))


def probe_words(table: Table) -> str:
    """Where the probe becomes accurate."""
    right = 100 * table["probe right"]
    return (
        f"Probe: {right[0]:.0f} % right at the embedding, {right[1]:.0f} % after layer 1, "
        f"{right[-1]:.0f} % after the last one."
    )


def layerwise_drawing(view: str) -> Drawing:
    """The probe's share and what edits do, layer by layer."""
    return Drawing(
        view,
        "By layer: the probe, and what one direction does",
        lambda result: Lines(
            x="layer",
            series={name: name for name in ("probe right", *CAUSES)},
            span=(-4, 104),
            ticks=result[view]["layer"].tolist(),
            title="%",
            x_title="layer (0: embedding)",
        ),
        lambda result: (
            f"{probe_words(result[view])} The other lines: questions declined after an edit."
        ),
    )


def part_words(result: Views) -> str:
    """The part that writes most along the direction."""
    table: Table = result[PARTS]
    row, column = np.unravel_index(int(np.abs(table.values).argmax()), table.values.shape)
    share = table.values[row, column] / table.values.sum()
    return (
        f"{table.order[column]} of {table.rows[row]} writes most: {100 * share:.0f} % of the "
        "distance between declined and answered questions."
    )


def path_words(result: Views) -> str:
    """The note at the end of the path."""
    table: Table = result[PATH]
    places = [at for at, name in enumerate(table.rows) if name == WAY]
    first, last = places[0], places[-1]
    return (
        f"From {table['along'][first]:+.1f} with the note “{table.notes[first]}” to "
        f"{table['along'][last]:+.1f} with “{table.notes[last]}”; 0 is halfway."
    ).replace("-", "−")


def free_words(result: Views) -> str:
    """What a move as long as the distance between two words does."""
    table: Table = result[FREE]
    at = table["ρ"].tolist().index(1.0)
    parts = [f"{name} {100 * table[name][at]:.0f} %" for name in (FIRST, OUTPUT)]
    return f"At ρ = 1, the distance between two words: {', '.join(parts)} are answered."


DRAWINGS = (
    layerwise_drawing(LAYERS),
    Drawing(
        PATH,
        "One question on its way, in the first accurate layer",
        PointGroups(
            x="along",
            y="across",
            looks={DECLINED: "dots", ANSWERED: "dots", WAY: "path"},
            x_title="along the direction (to the right: declined)",
            title="first component across it",
        ),
        path_words,
    ),
    Drawing(
        PARTS,
        "Which part writes the decision",
        Matrix(signed=True, form=".1f", bar="along v", height=330),
        part_words,
    ),
    Drawing(
        FREE,
        "If the note's embeddings could move freely",
        Lines(
            x="ρ",
            span=(-4, 104),
            title="declined questions answered (%)",
            x_title="largest move of a word, ρ (1: distance of two words)",
        ),
        free_words,
    ),
)
