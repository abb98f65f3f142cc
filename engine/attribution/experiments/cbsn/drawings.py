"""What a blind-spot network sees and gains: charts and their sentences."""

from __future__ import annotations

from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.result import Table


def neighbor_words(result: Views) -> str:
    """What pixels side by side share, before and after the noise is broken up."""
    table: Table = result["autocorrelation"]
    parts = (f"{name} {table[name][1]:z.2f}" for name in table.order[1:])
    return f"Correlation of pixels side by side: {', '.join(parts)}.".replace("-", "−")


def last_words(result: Views, view: str = "steps") -> str:
    """What each line comes to."""
    table: Table = result[view]
    parts = (f"{name} {table[name][-1]:.1f} dB" for name in table.order[1:])
    return f"After {table['steps'][-1]:.0f} steps: {', '.join(parts)}.".replace(" -", " −")


def over_steps(result: Views, title: str, view: str = "steps") -> Lines:
    """Lines over the steps of a training."""
    return Lines(
        x="steps", series={column: column for column in result[view].order[1:]}, title=title
    )


HOLE = Drawing("hole", "What an output pixel sees")
NEIGHBORS = Drawing(
    "autocorrelation",
    "Is the noise broken up?",
    lambda result: Lines(
        x="px",
        series={column: column for column in result["autocorrelation"].order[1:]},
        line=0.0,
        title="correlation",
        x_title="distance (px)",
    ),
    neighbor_words,
)
GAINED = Drawing(
    "gained",
    "Gained over the noisy images, by steps (first seed)",
    lambda result: over_steps(result, "dB above the noisy images", "gained"),
    lambda result: last_words(result, "gained"),
)
DRAWINGS = (HOLE, NEIGHBORS, GAINED)
