"""Rerouting by an image: answers by size of change, and where the state lies in each layer."""

from __future__ import annotations

from components.draw.drawing import Drawing, Views
from components.draw.lines import Lines
from components.experiments.perturbation import over_epsilon, success_lines
from components.experiments.refusal import by_layer
from engine.hallucination.experiments.image_rerouting_claims import (
    AWARE,
    FIRST,
    FOUND,
    IN_SCENE,
    LAST,
    LEVELS,
    MIDDLE,
    NOISE,
    OUTPUT,
    PROBED,
    STEPS,
    UNAWARE,
    UNSEEN,
    answered,
)
from engine.result import Table

ALONG = "rerouted along"
WAYS = (FIRST, PROBED, LAST, OUTPUT, NOISE)
DEFENDED = (FIRST, *UNAWARE.values(), *AWARE.values(), NOISE)


def over(found: Views, names: tuple[str, ...]) -> Table:
    """Answers with a color by ε, a column for each condition."""
    return over_epsilon(found, names, LEVELS, answered)


def each(found: Views, names: tuple[str, ...], measure: str, form: str) -> str:
    """A figure of each condition that has it so far; all of them are there in the end."""
    table: Table = found["table"]
    told = {name: table.cell(name, measure) for name in names if name in table.rows}
    return ", ".join(f"{name} {form.format(one)}" for name, one in told.items())


def way_words(found: Views) -> str:
    """Steps until an answer, and which color it is."""
    steps = each(found, (FIRST, OUTPUT), STEPS, "{:.1f}")
    own = each(found, (FIRST,), IN_SCENE, "{:.0%}").replace("%", " %")
    return (
        f"At ε = {MIDDLE}/255, steps until it answers: {steps}. Answers that are a color of the "
        f"scene: {own}."
    )


def defense_words(found: Views) -> str:
    """What the monitor and the detector find."""
    unseen = each(found, (FIRST, OUTPUT), UNSEEN, "{:.0%}").replace("%", " %")
    seen = each(found, (FIRST, NOISE), FOUND, "{:.2f}")
    return (
        f"At ε = {MIDDLE}/255, answers that the monitor lets pass: {unseen}. The detector's AUROC: "
        f"{seen}."
    )


def along_words(found: Views) -> str:
    """Where a rerouted question lies after the last layer."""
    table: Table = found[ALONG]
    there = [name for name in (FIRST, OUTPUT, NOISE) if name in table.order]
    ends = ", ".join(f"{name} {table[name][-1]:+.1f}" for name in there)
    return f"After the last layer: {ends} (ε = {MIDDLE}/255).".replace("-", "−")


REROUTED = (
    Drawing(
        ALONG, "Declined questions that are answered, by size of change",
        lambda found: success_lines(over(found, WAYS), "answered with a color (%)"), way_words,
        made=lambda found: over(found, WAYS),
    ),
    Drawing(
        ALONG, "Each defense outside of the attack, and inside",
        lambda found: success_lines(over(found, DEFENDED), "answered with a color (%)"),
        defense_words, made=lambda found: over(found, DEFENDED),
    ),
    Drawing(
        ALONG, "Where the state lies: 1 as declined ones, −1 as answered ones",
        lambda found: Lines(
            x="layer", series={name: name for name in found[ALONG].order[1:]},
            ticks=found[ALONG]["layer"].tolist(), line=0.0, title="along the direction",
            x_title="layer (0: embedding)",
        ),
        along_words,
    ),
    by_layer("rerouted layers"),
    Drawing("rerouted strip", "Declined and answered questions along each direction"),
)  # fmt: skip
