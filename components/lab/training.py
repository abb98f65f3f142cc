"""How a training goes, and the model that comes of it."""

from typing import Any

import streamlit as st

from components import runs
from components.draw.checkpoint import draw_checkpoint
from components.lab import data_set
from components.notices import escape_markdown
from components.section import Section
from components.taking import kept_model
from components.views import HEATMAPS
from engine.core.charts.drawing import Drawing, Views
from engine.vision.lab import Train, TrainCase
from engine.vision.models.small import TITLES

KEY = "lab.training"
NOTHING_DRAWN = data_set.TruthLayer(None, twin=False, marked=None)
SHORT = {
    "train accuracy": "Train",
    "validation accuracy": "Validation",
    "test accuracy": "Test",
    "balanced test accuracy": "Test by class",
}


def slot(key: str) -> str:
    return f"{key}.{Train.name}"


def show(case: TrainCase, key: str, button: str) -> None:
    Section(
        key,
        Train(),
        case,
        columns=1,
        button=button,
        keeps=True,
        sentence=lambda result: accuracy_sentence(case, result),
        picture=lambda result: show_accuracy(case, result),
        waiting=lambda: unlearned(case, key),
        evidence=(Drawing("log"), Drawing("model", by=lambda result: model(result, slot(key)))),
        before="It goes on when you change the page or close it, and can be stopped at any "
        "time. Expected time appears after the first run.",
    ).show()


def accuracy_sentence(case: TrainCase, result: Views) -> str:
    right = dict(zip(result["figures"].labels, result["figures"].values, strict=True))
    share = 100 * right["test accuracy"]
    return f"{network_title(case)} names {share:.1f} % of the test images right."


def unlearned(case: TrainCase, key: str) -> None:
    title = case.data.card.title
    if runs.begun(Train(), case, slot(key)):
        st.header(escape_markdown(f"{network_title(case)} has not learned {title} to the end yet."))
    else:
        st.header(escape_markdown(f"{network_title(case)} has not learned {title} yet."))
        data_set.contact(case.data, case.data.fingerprint, NOTHING_DRAWN, "train")
        st.caption("Some of the images that it learns from, by class.")
    st.caption(escape_markdown(rests_on(case)))


def network_title(case: TrainCase) -> str:
    title = TITLES[case.recipe.architecture]
    return f"{title[:1].upper()}{title[1:]}"


def rests_on(case: TrainCase) -> str:
    train_count, test_count = (len(case.data.rows(split)) for split in ("train", "test"))
    return (
        f"{train_count:,} images to learn from, {test_count:,} held out for the test, "
        f"{case.recipe.epochs} epochs, seed {case.seed}."
    )


def show_accuracy(case: TrainCase, result: Views) -> None:
    scores = result["figures"]
    columns = st.columns(len(scores.labels))
    for column, label, value in zip(columns, scores.labels, scores.values, strict=True):
        short = SHORT.get(label, "Test, attacked")
        column.metric(short, f"{100 * value:.1f} %", help=f"Right answers: {label}.")
    st.caption(escape_markdown(f"Images named right. {rests_on(case)}"))


def model(found: Any, key: str) -> None:
    """Kept at once where it was asked for; one that was deleted is not brought back unasked."""
    is_pressed = runs.pressed_for(found)
    if not is_pressed and kept_model(found["model"]) is None:
        st.info("This training was done before; its model is not among the models.")
    draw_checkpoint(found["model"], key, (HEATMAPS,), at_once=is_pressed)
