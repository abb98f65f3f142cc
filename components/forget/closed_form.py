"""Where forgetting has a formula: predicted and true changes, ways step by step, and claims."""

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from components import forms
from components.claims import MARKS
from components.forget.asked import KEY, MethodDetail, Rows
from components.notices import escape_markdown
from components.section import Section
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines, Scatter
from engine.core.result import Table
from engine.evaluation.experiment import HOLDS, NOT_HERE
from engine.unlearning import ClosedForm
from engine.unlearning.dmm.closed_claims import (
    ALONE,
    ASCENT,
    DATAMODEL,
    NEWTON,
    ORACLE,
    TOGETHER,
    TUNING,
    percent,
)
from engine.unlearning.dmm.closed_form import AWAY, LAYER, remains
from engine.unlearning.dmm.heads import LOGISTIC, RIDGE

SLOT = f"{KEY}.ClosedForm"
TITLES = {RIDGE: "Ridge regression", LOGISTIC: "Logistic regression"}
FORMULAS = {RIDGE: "block formula", LOGISTIC: "step of Newton"}
SUMMED = "single images, summed"
SERIES = {
    NEWTON: "Newton",
    ORACLE: "matching",
    ASCENT: "ascent",
    TUNING: "fine-tuning",
    DATAMODEL: "matching sums",
}
LOWEST = 1e-6  # of the change, at which curves end on a scale of decades


def closed_form(detail: MethodDetail) -> Rows:
    settings = forms.settings(ClosedForm, SLOT, ("features",))
    others = ("penalty", "steps", "images")
    settings |= forms.folded_settings(ClosedForm, SLOT, others, "Settings of the layers")
    changes = [
        Drawing(
            "images",
            f"{title}: predicted and true change",
            partial(scatter, kind),
            partial(changes_finding, kind),
            made=partial(formula_pairs, kind),
        )
        for kind, title in TITLES.items()
    ]
    ways = [
        Drawing(
            "steps",
            f"{title}, step by step",
            partial(curves, kind),
            partial(steps_finding, kind),
            made=partial(by_step, kind),
        )
        for kind, title in TITLES.items()
    ]
    method = ClosedForm(**settings)
    return [
        [
            Section(
                KEY,
                method,
                detail.case.case,
                evidence=[*changes, *ways],
                detail=partial(show_claims, method),
            )
        ]
    ]


def formula_pairs(kind: str, result: Views) -> Table:
    images: Table = result["images"]
    images = images.take(np.flatnonzero(images["group"] == 0).tolist())
    count = len(images)
    columns: dict[str, tuple[Any, str]] = {
        "id": (np.tile(images["id"], 2), ""),
        "predicted": (
            np.concatenate([images[f"{kind} {way}"] for way in ("together", "alone")]),
            "",
        ),
        "true": (np.tile(images[f"{kind} true"], 2), ""),
        "formula": (np.repeat([0, 1], count), ""),
    }
    return Table.of(columns)


def scatter(kind: str, result: Views) -> Scatter:
    return Scatter(
        x="predicted",
        y="true",
        groups=("formula", (FORMULAS[kind], SUMMED)),
        size=7,
        names=[f"id {image_id:.0f}" for image_id in formula_pairs(kind, result)["id"]],
        rays={"as predicted": 1.0},
        x_title="predicted by formula",
        title="trained again without them",
    )


def changes_finding(kind: str, result: Views) -> str:
    left: Table = result["left"]
    together, alone = (remains(left, kind, way) for way in (TOGETHER, ALONE))
    exact = "nothing" if together < LOWEST else percent(together)
    return (
        f"Score of its label, forgotten images. The {FORMULAS[kind]} leaves {exact} of the change, "
        f"summing single images {percent(alone)}."
    )


def by_step(kind: str, result: Views) -> Table:
    steps: Table = result["steps"]
    columns: dict[str, tuple[Any, str]] = {"step": (steps["step"], "")}
    for way in SERIES:
        share = np.maximum(steps[f"{kind}, {way}"], LOWEST)
        share[1:][share[:-1] >= AWAY] = np.nan
        columns[way] = share, "share"
    return Table.of(columns)


def curves(kind: str, result: Views) -> Lines:
    del kind, result
    return Lines(
        x="step",
        series=SERIES,
        log=True,
        y_log=True,
        title="what is left of the change (%)",
        x_title="steps",
        height=380,
    )


def steps_finding(kind: str, result: Views) -> str:
    steps: Table = result["steps"]
    exact, summed, tuned = (
        percent(float(steps[f"{kind}, {way}"][-1])) for way in (ORACLE, DATAMODEL, TUNING)
    )
    return (
        f"Left after {steps['step'][-1]:,.0f} steps: {exact} by matching the retrained scores, "
        f"{summed} by matching the sums, {tuned} by fine-tuning on what stays."
    )


def show_claims(method: ClosedForm, result: Views) -> None:
    table: Table = result["claims"]
    lines = [
        f"- {MARKS[HOLDS if so else NOT_HERE]} **{escape_markdown(row)}**: {escape_markdown(note)}."
        for row, so, note in zip(table.rows, table["holds"], table.notes, strict=True)
    ]
    if lines:
        st.markdown("**Claims about linear layers, checked with these images**")
        st.markdown("\n".join(lines))
    if method.features == LAYER:
        st.caption(
            "Only this layer forgets: the model behind its features learned from the images. "
            "With pixels as features, only the means and spreads that standardize them did."
        )
