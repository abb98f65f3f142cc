"""The section "What is lost": classes, images, calibration, worse images and heat maps."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import streamlit as st

from components import section
from components.charts import plots
from components.charts.tables import signed
from components.draw.drawing import Drawing, Views
from components.forms import refuse_links, widget
from components.prune import harm_charts, seeds, unknown
from components.prune.asked import KEY, Asked
from components.prune.pictures import shown
from components.section import Section
from engine.result import Columns, Table
from engine.sparsity import Harm, Masks, agreement_only
from engine.sparsity.subjects import names_of_photographs

OWN = ("images", "maps", "heat")
WORST = 3  # images


def show(asked: Asked, masks: Masks) -> None:
    """What accuracy does not show; it is measured on request, and kept."""
    del masks
    st.markdown("**What is lost that one figure does not show**")
    method = choose(asked)
    known = seeds.other_seeds(asked, method.images)
    section.show(
        Section(
            KEY, method, asked.case, evidence=evidence(asked, method, known),
            button="Measure what is lost",
            before="Every test image is shown to both models, as it is and made worse in five "
            "ways, and the heat maps of some are compared. Then both are shown images that they "
            "cannot know.",
            detail=lambda _: further(asked, method, known),
        )
    )  # fmt: skip


def further(asked: Asked, method: Harm, known: Table | None) -> None:
    """What is measured after it: other seeds, which the chart of classes is drawn over, and unknown
    images."""
    if agreement_only(asked.case):
        st.caption(
            "Calibration is left out: whether a probability means what it says can be told only "
            "where the true labels are known. Choose a model of Data and models for it."
        )
    if seeds.show(asked, method.images) and known is None:
        st.rerun()  # the chart of classes was drawn without them
    unknown.show(asked)


def evidence(asked: Asked, method: Harm, known: Table | None) -> tuple[Drawing, ...]:
    """Classes, calibration, worse images, heat maps, and images whose answer changes."""

    def changes(table: Table) -> Columns:
        return harm_charts.class_changes(table, known)

    return (
        Drawing(
            "classes", "Which classes pay first", part=changes,
            chart=lambda found: harm_charts.classes(changes(found["classes"])),
            finding=lambda found: class_finding(changes(found["classes"])),
        ),
        Drawing("calibration", "Is it as sure as it is right?", by=calibration),
        Drawing(
            "corruptions", "On worse images", harm_charts.CORRUPTIONS,
            lambda found: worse_finding(found["corruptions"]),
        ),
        Drawing(
            "drift", "Where it looks", harm_charts.DRIFT,
            lambda found: drift_finding(found["drift"], method.heat),
            part=lambda table: harm_charts.drifts(table, names_of(asked, table)),
            below=lambda found: moved_most(asked, found["drift"]),
        ),
        Drawing(
            "images", "Which images pay first", by=lambda found: flipped(asked, found["images"])
        ),
    )  # fmt: skip


def choose(asked: Asked) -> Harm:
    """How many images and heat maps are looked at."""
    refuse_links(Harm, f"{KEY}.Harm")
    specs = {spec.name: spec for spec in fields(Harm)}
    with st.popover("Settings of this measurement"):
        given = {name: widget(specs[name], f"{KEY}.Harm.{name}", None) for name in OWN}
    return asked.with_rule(Harm, **given)


def class_finding(table: Columns) -> str:
    """Which class loses most, and whether other seeds change classes as much."""
    change = table["change"]
    worst, lost = int(np.argmin(change)), int((change < 0).sum())
    words = f"{lost} of {len(table)} classes lose right answers"
    if lost:
        words += f"; {table.rows[worst]} loses most ({100 * change[worst]:+.0f} points)"
    if np.isfinite(table["low"]).any():
        words += ". Gray: the range over dense networks of other seeds."
    else:
        words += ". The gray range over other seeds appears here once it was measured, below."
    return words.replace("-", "−")


def flipped(asked: Asked, table: Table) -> None:
    """The images whose answer changes, those that were surest first."""
    changed = np.flatnonzero(table["dense answer"] != table["pruned answer"])
    st.caption(
        f"{len(changed)} of {len(table.rows)} test images get another answer."
        + (" Those of which the whole model was surest:" if len(changed) else "")
    )
    labels, first = asked.case.data.classes, changed[:WORST]
    answers = zip(
        table["dense answer"][first], table["dense"][first], table["pruned answer"][first],
        strict=True,
    )  # fmt: skip
    words = [
        f"{labels[int(before)]} ({100 * sure:.0f} %) → {labels[int(after)]}"
        for before, sure, after in answers
    ]
    shown(asked, table["row"][first].astype(np.int64), words, WORST)


def calibration(found: Views) -> None:
    """Whether confidence still means what it says."""
    table: Table = found["calibration"]
    before, after = (dict(zip(table.columns, row, strict=True)) for row in table.values)
    words = (
        f"Off by {100 * after['ECE']:.1f} points on average (ECE; whole model "
        f"{100 * before['ECE']:.1f}), by {100 * after['MCE']:.0f} at worst (MCE; "
        f"{100 * before['MCE']:.0f}); Brier {after['Brier']:.3f} ({before['Brier']:.3f})."
    )
    if np.isfinite(after["temperature"]):
        left, off = after["ECE after"], after["ECE"]
        words += (
            f" With its logits divided by {after['temperature']:.2f}, fitted on validation "
            f"images, it is off by {100 * left:.1f} points: {'less' if left < off else 'no less'}."
        )
    figure = harm_charts.reliability(found["dense"], found["pruned"])
    plots.with_table(figure, words, {"calibration": table}, f"{KEY}.reliability")


def worse_finding(table: Table) -> str:
    """Whether the pruned model bears worse images less well."""
    sure = int((table["high"] < 0).sum())
    return (
        f"The pruned model is surely worse (95 % interval below 0) at {sure} of "
        f"{len(table.rows)} kinds and strengths; the mean change is "
        f"{100 * table['change'].mean():+.1f} points."
    ).replace("-", "−")


def drift_finding(table: Table, heat: str) -> str:
    """How far heat maps of this kind move."""
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


def moved_most(asked: Asked, table: Table) -> None:
    """The images whose maps move most."""
    order = table["rank correlation"][:WORST]
    words = [
        f"{name}: {signed(value)}"
        for name, value in zip(names_of(asked, table), order.tolist(), strict=False)
    ]
    shown(asked, table["row"][:WORST].astype(np.int64), words, WORST)


def names_of(asked: Asked, table: Table) -> tuple[str, ...]:
    """What the images are called."""
    if agreement_only(asked.case):
        titles = names_of_photographs()
        return tuple(titles[int(row)] for row in table.rows)
    return tuple(f"image {row}" for row in table.rows)
