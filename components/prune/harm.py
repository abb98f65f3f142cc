"""The section "What is lost": classes, images, calibration, worse images and heat maps."""

import numpy as np
import streamlit as st

from components import forms
from components.prune import seeds, unknown
from components.prune.asked import KEY, PruneQuestion, with_rule
from components.section import Section
from components.widgets.data_images import draw_data_images
from engine.core.charts.bars import Bars, Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Scatter
from engine.core.charts.reliability import Reliability, models_in_bins
from engine.core.charts.words import signed
from engine.core.result import Table
from engine.sparsity import Harm, Masks, agreement_only
from engine.vision.weights.subjects import names_of_photographs

HARM_SETTINGS = {"images", "maps", "heat"}
WORST = 3  # images
MOST_CLASSES = 12
CORRUPTIONS = Dots(
    series={"change": "pruned"},
    intervals={"change": ("low", "high")},
    line=0.0,
    title="pruned − whole model (points)",
)
CALIBRATION = Reliability(models={"dense": "whole model", "pruned": "pruned"})
DRIFT = Scatter(
    x="rank correlation",
    y="change of confidence",
    line=0.0,
    height=320,
    x_title="rank correlation of the maps (1: the same)",
    title="change of confidence (points)",
)


def show(question: PruneQuestion, masks: Masks) -> None:
    """What accuracy does not show; it is measured on request, and kept."""
    del masks
    settings = forms.folded_settings(
        Harm, f"{KEY}.Harm", HARM_SETTINGS, "Settings of this measurement"
    )
    method = with_rule(question.method, Harm, **settings)
    Section(
        KEY,
        method,
        question.case,
        "What is lost that one figure does not show",
        evidence=evidence(question, method),
        button="Measure what is lost",
        before="Every test image is shown to both models, as it is and made worse in five ways, "
        "and the heat maps of some are compared. Then both are shown images that they cannot know.",
        detail=lambda _: further(question, method),
    ).show()


def further(question: PruneQuestion, method: Harm) -> None:
    if agreement_only(question.case):
        st.caption(
            "Calibration is left out: whether a probability means what it says can be told only "
            "where the true labels are known. Choose a model of Data and models for it."
        )
    seeds.show(question, method.images)
    unknown.show(question)


def evidence(question: PruneQuestion, method: Harm) -> tuple[Drawing, ...]:
    return (
        Drawing(
            "classes",
            "Which classes pay first",
            lambda result: classes(result["classes"]),
            lambda result: class_finding(result["classes"]),
        ),
        Drawing(
            "calibration",
            "Is it as sure as it is right?",
            CALIBRATION,
            calibration,
            made=lambda result: models_in_bins({name: result[name] for name in CALIBRATION.models}),
        ),
        Drawing(
            "corruptions",
            "On worse images",
            CORRUPTIONS,
            lambda result: worse_finding(result["corruptions"]),
        ),
        Drawing(
            "drift",
            "Where it looks",
            DRIFT,
            lambda result: drift_finding(result["drift"], method.heat),
            part=lambda table: drifts(table, names_of(question, table)),
            below=lambda result: moved_most(question, result["drift"]),
        ),
        Drawing(
            "images",
            "Which images pay first",
            by=lambda result: flipped(question, result["images"]),
        ),
    )


def classes(table: Table) -> Bars:
    shares = zip(table["dense"], table["pruned"], table["images"], strict=True)
    return Bars(
        value="change",
        most=MOST_CLASSES,
        color=1,
        title="change (points)",
        texts=[f"{100 * a:.0f} → {100 * b:.0f} % of {count:.0f}" for a, b, count in shares],
    )


def class_finding(table: Table) -> str:
    change = table["change"]
    worst, lost = int(np.argmin(change)), int((change < 0).sum())
    words = f"{lost} of {len(change)} classes lose right answers"
    if lost:
        words += f"; {table.rows[worst]} loses most ({100 * change[worst]:+.0f} points)"
    return f"{words}. What another seed changes is measured below.".replace("-", "−")


def flipped(question: PruneQuestion, table: Table) -> None:
    changed = np.flatnonzero(table["dense answer"] != table["pruned answer"])
    st.caption(
        f"{len(changed)} of {len(table.rows)} test images get another answer."
        + (" Those of which the whole model was surest:" if len(changed) else "")
    )
    labels, first = question.case.data.classes, changed[:WORST]
    answers = zip(
        table["dense answer"][first],
        table["dense"][first],
        table["pruned answer"][first],
        strict=True,
    )
    words = [
        f"{labels[int(before)]} ({100 * sure:.0f} %) → {labels[int(after)]}"
        for before, sure, after in answers
    ]
    draw_data_images(question.case.data, table["row"][first], words, WORST)


def calibration(result: Views) -> str:
    table: Table = result["calibration"]
    before, after = (dict(zip(table.columns, row, strict=True)) for row in table.values)
    words = (
        f"Off by {100 * after['ECE']:.1f} points on average (ECE; whole model "
        f"{100 * before['ECE']:.1f}), by {100 * after['MCE']:.0f} at worst (MCE; "
        f"{100 * before['MCE']:.0f}); Brier {after['Brier']:.3f} ({before['Brier']:.3f})."
    )
    if np.isfinite(after["temperature"]):
        ece_after, ece = after["ECE after"], after["ECE"]
        words += (
            f" With its logits divided by {after['temperature']:.2f}, fitted on validation "
            f"images, it is off by {100 * ece_after:.1f} points: "
            f"{'less' if ece_after < ece else 'no less'}."
        )
    return words


def worse_finding(table: Table) -> str:
    worse_count = int((table["high"] < 0).sum())
    return (
        f"The pruned model is surely worse (95 % interval below 0) at {worse_count} of "
        f"{len(table.rows)} kinds and strengths; the mean change is "
        f"{100 * table['change'].mean():+.1f} points."
    ).replace("-", "−")


def drifts(table: Table, names: tuple[str, ...]) -> Table:
    change = np.asarray(table["pruned"], np.float64) - table["dense"]
    return Table.of(
        {
            "rank correlation": (table["rank correlation"], "correlation"),
            "top tenth IoU": (table["top tenth IoU"], "share"),
            "change of confidence": (change, "share"),
        },
        names,
    )


def drift_finding(table: Table, heat: str) -> str:
    order, top = table["rank correlation"], table["top tenth IoU"]
    known = np.isfinite(order)
    words = (
        f"Half of {int(known.sum())} images keep a rank correlation of "
        f"{signed(float(np.median(order[known])))} or more and "
        f"{100 * float(np.median(top[known])):.0f} % or more of their hottest tenth (chance: 5 %)."
    )
    if heat == "gradient":
        words += " These are maps of the gradient by pixel, finer than Grad-CAM's."
    return words


def moved_most(question: PruneQuestion, table: Table) -> None:
    order = table["rank correlation"][:WORST]
    words = [
        f"{name}: {signed(value)}"
        for name, value in zip(names_of(question, table), order.tolist(), strict=False)
    ]
    draw_data_images(question.case.data, table["row"][:WORST], words, WORST)


def names_of(question: PruneQuestion, table: Table) -> tuple[str, ...]:
    if agreement_only(question.case):
        titles = names_of_photographs()
        return tuple(titles[int(row)] for row in table.rows)
    return tuple(f"image {row}" for row in table.rows)
