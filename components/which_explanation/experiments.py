"""The LFA paper's three experiments on the person's image: recovery, convergence, perturbation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from components import section
from components.draw.curves import all_lines
from components.draw.drawing import Drawing, Views, draw
from components.draw.tables import turned
from components.picks import pick
from components.section import Section
from components.which_explanation.form import KEY, ExplainerTrial
from engine.attribution.lfa import LFAExperiments
from engine.result import Table

CHANGES = {"Set to nothing": "zeroed", "Given noise": "noised"}
NEAR = 0.01  # of the weights; an error below it counts as found


def show(asked: ExplainerTrial) -> None:
    """On request: one figure or table for each experiment."""
    method = LFAExperiments(**asked.method.settings())
    section.show(
        Section(
            f"{KEY}.experiments", method, asked.case, "",
            lambda found: recovered(found["recovery"]), columns=1,
            evidence=[over_columns("convergence", "Convergence: do more samples still change it?",
                                   "distance to its twin", settled)],
            detail=perturbation, button="Run the experiments",
            before="Does each explainer find a linear model, does it settle with more samples, and "
            "how far do the features it calls strongest move the score?",
            known=asked.about.arguments,
        )
    )  # fmt: skip


def perturbation(found: Views) -> None:
    """How far the score moves by the features that each explainer calls strongest and weakest."""
    st.markdown("**Perturbation: how far does the score move?**")
    change = pick("The chosen features are", list(CHANGES), f"{KEY}.experiments.change", "pills")
    for place, end in zip(st.columns(2, gap="large"), ("strongest", "weakest"), strict=True):
        name = f"{end} {CHANGES[change]}"
        with place:
            title = f"change in score ({found[name].units[0]})"
            drawing = over_columns(name, f"By the {end} features", title, partial(moved, end=end))
            draw(drawing, found, f"{KEY}.experiments.{name}")


def over_columns(name: str, title: str, axis: str, finding: Callable[[Table], str]) -> Drawing:
    """A line for each explainer over the numbers that head the columns."""
    return Drawing(
        name, title, lambda found: all_lines(turned(found[name]), axis),
        lambda found: finding(found[name]), part=turned,
    )  # fmt: skip


# ---------------------------------------------------------------- sentences


def recovered(view: Table) -> str:
    """Which explainers return the weights of a linear model, and how far off the others are."""
    errors = dict(zip(view.rows, view.values[:, 0].tolist(), strict=True))
    exact = [name for name, error in errors.items() if error < NEAR]
    others = [
        f"{name} ({100 * error:.0f} % off)" for name, error in errors.items() if not error < NEAR
    ]
    told = f"Who finds a linear model exactly: {', '.join(exact) or 'none'}."
    return f"{told} Not with so few samples: {', '.join(others)}." if others else told


def settled(view: Table) -> str:
    """How far each explainer is from its twin with the fewest and with all samples."""
    ends = [
        f"{name} {few:.2g} → {all_:.2g}"
        for name, few, all_ in zip(view.rows, view.values[:, 0], view.values[:, -1], strict=True)
        if few >= NEAR
    ]
    return f"From {view.order[0]} to {view.order[-1]}: {'; '.join(ends) or 'all exact'}."


def moved(view: Table, end: str) -> str:
    """Whose strongest features move the score most, or whose weakest move it least, on average."""
    means = view.values.mean(1)
    place = int(np.argmax(means) if end == "strongest" else np.argmin(means))
    word = "most" if end == "strongest" else "least"
    return f"Moved {word} on average by those of {view.rows[place]}: {means[place]:.3g}."
