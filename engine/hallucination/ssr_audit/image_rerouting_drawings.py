"""Rerouting by an image: answers by size of change, and where the state lies in each layer."""

import numpy as np

from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.result import Table
from engine.hallucination.ssr_audit.image_rerouting_claims import (
    AWARE,
    COMPARED,
    DETECTOR_AUROC,
    FIRST,
    LAST,
    LEVELS,
    NOISE,
    OUTPUT,
    PROBED,
    STEPS,
    UNAWARE,
    UNSEEN,
    color_measure,
)
from engine.hallucination.ssr_audit.refusal_drawings import layerwise_drawing
from engine.hallucination.vlm_audit.drawings import over_epsilon, success_lines

ALONG = "rerouted along"
WAYS = (FIRST, PROBED, LAST, OUTPUT, NOISE)
DEFENDED = (FIRST, *UNAWARE.values(), *AWARE.values(), NOISE)


def answers_by_epsilon(result: Views, names: tuple[str, ...]) -> Table:
    """Answers with a color by ε, a column for each condition."""
    return over_epsilon(result, names, LEVELS, color_measure)


def with_figures(
    result: Views, sentence: str, names: tuple[str, ...], measure: str, form: str
) -> str:
    """A sentence with a figure of each condition that has it so far; none without any."""
    table: Table = result["table"]
    values = {name: table.cell(name, measure) for name in names if name in table.rows}
    parts = [
        f"{name} {form.format(value).replace('%', ' %')}"
        for name, value in values.items()
        if np.isfinite(value)
    ]
    return f" {sentence}: {', '.join(parts)}." if parts else ""


def way_words(result: Views) -> str:
    """Half of the questions, and the steps until one is not declined."""
    sentence = f"Steps until it does not decline, ε = {COMPARED}/255"
    steps = with_figures(result, sentence, (FIRST, OUTPUT), STEPS, "{:.1f}")
    return f"ε50: where half of the questions are answered.{steps}"


def defense_words(result: Views) -> str:
    """What the monitor and the detector find."""
    unseen = with_figures(
        result, "Answers that the monitor lets pass", (FIRST, OUTPUT), UNSEEN, "{:.0%}"
    )
    detection = with_figures(
        result, "The detector's AUROC", (FIRST, OUTPUT), DETECTOR_AUROC, "{:.2f}"
    )
    return f"The monitor and the detector, at ε = {COMPARED}/255.{unseen}{detection}"


def along_words(result: Views) -> str:
    """Where a rerouted question lies after the last layer."""
    table: Table = result[ALONG]
    conditions = [name for name in (FIRST, OUTPUT, NOISE) if name in table.order]
    ends = ", ".join(f"{name} {table[name][-1]:+.1f}" for name in conditions)
    return f"After the last layer: {ends} (ε = {COMPARED}/255).".replace("-", "−")


DRAWINGS = (
    Drawing(
        ALONG,
        "Declined questions that are answered, by size of change",
        lambda result: success_lines(answers_by_epsilon(result, WAYS), "answered with a color (%)"),
        way_words,
        made=lambda result: answers_by_epsilon(result, WAYS),
    ),
    Drawing(
        ALONG,
        "Each defense outside of the attack, and inside",
        lambda result: success_lines(
            answers_by_epsilon(result, DEFENDED), "answered with a color (%)"
        ),
        defense_words,
        made=lambda result: answers_by_epsilon(result, DEFENDED),
    ),
    Drawing(
        ALONG,
        "Where the state lies: 1 as declined ones, −1 as answered ones",
        lambda result: Lines(
            x="layer",
            ticks=result[ALONG]["layer"].tolist(),
            line=0.0,
            title="along the direction",
            x_title="layer (0: embedding)",
        ),
        along_words,
    ),
    layerwise_drawing("rerouted layers"),
    Drawing("rerouted strip", "Declined and answered questions along each direction"),
)
