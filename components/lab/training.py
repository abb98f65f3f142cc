"""How a training goes, and the model that comes of it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from components import runs, section
from components.draw.checkpoint import draw_checkpoint
from components.draw.drawing import Drawing, Views
from components.notices import plain
from components.section import Section
from components.taking import kept
from components.views import HEATMAPS
from engine.lab import Train, TrainCase
from engine.models.small import TITLES

KEY = "lab.training"
SHORT = {
    "train accuracy": "Train", "validation accuracy": "Validation", "test accuracy": "Test",
    "balanced test accuracy": "Test by class",
}  # fmt: skip


def slot(key: str) -> str:
    """Where a training is waited for."""
    return f"{key}.{Train.name}"


def show(case: TrainCase, key: str, button: str) -> None:
    """Asked for by its button; its curves as it goes, then its figures and the model."""
    recipe, train = case.recipe, len(case.data.rows("train"))
    st.markdown(
        f"**{plain(TITLES[recipe.architecture])}** on **{plain(case.data.card.title)}**: "
        f"{train:,} images to learn from, {recipe.epochs} epochs, seed {case.seed}."
    )
    section.show(
        Section(
            key, Train(), case, columns=1, button=button, keeps=True,
            sentence=lambda found: learned(case, found), picture=figures,
            evidence=(
                Drawing("model", by=lambda found: model(found, slot(key))),
                Drawing("log"),
            ),
            before="It goes on when you change the page or close it, and can be stopped at any "
            "time. Expected time appears after the first run.",
        )
    )  # fmt: skip


def learned(case: TrainCase, found: Views) -> str:
    """How often the network is right on images that it did not learn from."""
    right = dict(zip(found["figures"].labels, found["figures"].values, strict=True))
    name = TITLES[case.recipe.architecture]
    return f"{name} names {100 * right['test accuracy']:.1f} % of the test images right."


def figures(found: Views) -> None:
    """Shares of right answers."""
    scores = found["figures"]
    columns = st.columns(len(scores.labels))
    for column, label, value in zip(columns, scores.labels, scores.values, strict=True):
        short = SHORT.get(label, "Test, attacked")
        column.metric(short, f"{100 * value:.1f} %", help=f"Right answers: {label}.")


def model(found: Any, key: str) -> None:
    """Kept at once where it was asked for; one that was deleted is not brought back unasked."""
    wanted = runs.pressed_for(found)
    if not wanted and kept(found["model"]) is None:
        st.info("This training was done before; its model is not among the models.")
    draw_checkpoint(found["model"], key, (HEATMAPS,), at_once=wanted)
