"""The section "What is lost": classes, images, calibration, worse images and heat maps."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import streamlit as st

from components import runs
from components.charts import plots
from components.charts.tables import signed
from components.forms import refuse_links, widget
from components.prune import harm_charts, seeds, unknown
from components.prune.asked import KEY, Asked
from components.prune.pictures import shown
from engine.result import Table
from engine.run import Answer
from engine.sparsity import Harm, Masks, Unknown, agreement_only
from engine.sparsity.subjects import names_of_photographs

OWN = ("images", "maps", "heat")
WORST = 3  # images
FIGURES = (("ECE", "share"), ("MCE", "share"), ("Brier", ""))


def show(asked: Asked, masks: Masks) -> None:
    """What accuracy does not show; it is measured when told, and kept."""
    del masks
    st.markdown("**What is lost that one figure does not show**")
    method = choose(asked)
    outcome = runs.ask_when_told(method, asked.case, f"{KEY}.Harm", "Measure what is lost")
    if outcome is None:
        st.caption(
            "Every test image is shown to both models, as it is and made worse in five ways, and "
            "the heat maps of some are compared. Then both are shown images that they cannot know."
        )
        return
    if not isinstance(outcome, Answer):
        runs.watch([outcome])
        return
    found = dict(outcome)
    left, right = st.columns(2, gap="large")
    with left:
        first = st.container()
        flipped(asked, found["images"])
    with right:
        if agreement_only(asked.case):
            st.markdown("**Calibration**")
            st.caption(
                "Left out: whether a probability means what it says can be told only where the "
                "true labels are known. Choose a model of Data and models for it."
            )
        else:
            calibration(found)
    left, right = st.columns(2, gap="large")
    with left:
        worse(found["corruptions"])
    with right:
        drift(asked, found["drift"], method.heat)
    seeds.show(asked, method.images)
    with first:  # drawn last, so that it has the band as soon as the section of seeds has it
        classes(found, seeds.floor(asked, method.images))
    unknown.show(asked)
    with st.expander("What am I looking at here?"):
        st.markdown(Harm.about())
        st.markdown(f"Reference: {Harm.paper}")
        st.markdown(Unknown.about())


def choose(asked: Asked) -> Harm:
    """How many images and heat maps are looked at."""
    refuse_links(Harm, f"{KEY}.Harm")
    specs = {spec.name: spec for spec in fields(Harm)}
    with st.popover("Settings of this measurement"):
        given = {name: widget(specs[name], f"{KEY}.Harm.{name}", None) for name in OWN}
    return asked.with_rule(Harm, **given)


def classes(found: dict[str, Any], floor: Table | None) -> None:
    """Which classes pay first, with the range over other seeds where it was measured."""
    table: Table = found["classes"]
    st.markdown("**Which classes pay first**")
    worst = int(np.argmin(table.values[:, 3]))
    change = 100 * table.values[worst, 3]
    lost = int((table.values[:, 3] < 0).sum())
    words = f"{lost} of {len(table.rows)} classes lose right answers"
    if lost:
        words += f"; {table.rows[worst]} loses most ({change:+.0f} points)".replace("-", "−")
    words += (
        ". Gray: the range over dense networks of other seeds."
        if floor is not None
        else ". How much another seed changes is drawn here once it was measured, below."
    )
    figure = harm_charts.classes(table, floor)
    plots.with_table(figure, words, {"classes": table}, f"{KEY}.classes")


def flipped(asked: Asked, table: Table) -> None:
    """The images whose answer changes, those that were surest first."""
    st.markdown("**Which images pay first**")
    changed = table.values[table.values[:, 2] != table.values[:, 3]]
    st.caption(
        f"{len(changed)} of {len(table.values)} test images get another answer."
        + (" Those of which the whole model was surest:" if len(changed) else "")
    )
    labels = asked.case.data.classes
    words = [
        f"{labels[int(row[2])]} ({100 * row[4]:.0f} %) → {labels[int(row[3])]}"
        for row in changed[:WORST]
    ]
    shown(asked, changed[:WORST, 0].astype(np.int64), words, WORST)


def calibration(found: dict[str, Any]) -> None:
    """Whether confidence still means what it says."""
    st.markdown("**Is it as sure as it is right?**")
    table: Table = found["calibration"]
    at = {name: place for place, name in enumerate(table.columns)}
    figure = harm_charts.reliability(found["dense"], found["pruned"])
    before, after = table.values
    words = (
        f"Off by {100 * after[at['ECE']]:.1f} points on average (ECE; whole model "
        f"{100 * before[at['ECE']]:.1f}), by {100 * after[at['MCE']]:.0f} at worst (MCE; "
        f"{100 * before[at['MCE']]:.0f}); Brier {after[at['Brier']]:.3f} "
        f"({before[at['Brier']]:.3f})."
    )
    if np.isfinite(after[at["temperature"]]):
        left, off = after[at["ECE after"]], after[at["ECE"]]
        words += (
            f" With its logits divided by {after[at['temperature']]:.2f}, fitted on validation "
            f"images, it is off by {100 * left:.1f} points: {'less' if left < off else 'no less'}."
        )
    plots.with_table(figure, words, {"calibration": table}, f"{KEY}.reliability")


def worse(table: Table) -> None:
    """Whether the pruned model bears worse images less well."""
    st.markdown("**On worse images**")
    sure = int((table.values[:, 5] < 0).sum())
    words = (
        f"The pruned model is surely worse (95 % interval below 0) at {sure} of "
        f"{len(table.rows)} kinds and strengths; the mean change is "
        f"{100 * table.values[:, 3].mean():+.1f} points."
    ).replace("-", "−")
    plots.with_table(
        harm_charts.corruptions(table), words, {"corruptions": table}, f"{KEY}.corruptions"
    )


def drift(asked: Asked, table: Table, heat: str) -> None:
    """How far heat maps of this kind move, and the images whose maps move most."""
    st.markdown("**Where it looks**")
    names = names_of(asked, table)
    known = np.isfinite(table.values[:, 1])
    order, top = (float(np.median(table.values[known, at])) for at in (1, 2))
    words = (
        f"Half of {int(known.sum())} images keep a rank correlation of {signed(order)} or more and "
        f"{100 * top:.0f} % or more of their hottest tenth (chance: 5 %)."
    )
    if heat == "gradient":
        words += " These are maps of the gradient by pixel, finer than Grad-CAM's."
    named = Table(table.values, tuple(names), table.columns, table.units)
    plots.with_table(harm_charts.drift(table, names), words, {"drift": named}, f"{KEY}.drift")
    rows = table.values[:WORST]
    said = [f"{name}: {signed(row[1])}" for name, row in zip(names, rows, strict=False)]
    shown(asked, rows[:, 0].astype(np.int64), said, WORST)


def names_of(asked: Asked, table: Table) -> list[str]:
    """What the images are called."""
    if agreement_only(asked.case):
        titles = names_of_photographs()
        return [titles[int(row)] for row in table.rows]
    return [f"image {row}" for row in table.rows]
