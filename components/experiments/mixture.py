"""The mixture on one image under attack: the dial, and what each network reads."""

from __future__ import annotations

import numpy as np
import streamlit as st

from components import forms, section
from components.asked_image import SIDEBAR_IMAGE, TEST, choose_image
from components.picks import pick
from components.section import Section
from components.sidebar.subject import image_alone
from engine.attribution.experiments.adaptive import NETWORKS
from engine.attribution.experiments.mixed_answers import FIXED, NETS, MixedAnswers
from engine.attribution.experiments.mixing import EPSILON
from engine.attribution.experiments.mixture_claims import (
    ADAPTIVE,
    ATTACKED,
    CLEAN,
    NORMAL,
    ROBUST,
    alpha_condition,
)
from engine.attribution.experiments.smoothed import RISK, SIGMA
from engine.charts.bar_groups import BarGroups
from engine.charts.drawing import Drawing, Views
from engine.charts.groups import PointGroups
from engine.charts.lines import Lines
from engine.experiment import ExperimentCase
from engine.models import catalog
from engine.result import Table

MIXED, PICKED = "mixtures, α from 0 to 1", "one of both networks, picked by chance"
NONLINEAR = "nonlinear mixing (α by image)"
MIXING = (
    "Nonlinear mixing: a small network sets α by image; it learned from attacks up to "
    f"ε = {EPSILON:g}."
)
ENDS = {NORMAL: "normal network", ROBUST: "robust network"}


def in_plane(table: Table) -> Table:
    """Fixed mixtures as a path, what picking by chance gives, both ends, the adaptive mixture."""
    path = [row for row in table.rows if row != ADAPTIVE]
    ends = [row for row in ENDS if row in path]
    line = ends if len(ends) == len(ENDS) else []  # not while only one of them is measured
    last = [row for row in table.rows if row == ADAPTIVE]
    names = [MIXED] * len(path) + [PICKED] * len(line) + [ENDS[end] for end in ends]
    names += [NONLINEAR] * len(last)
    taken = table.take([table.rows.index(row) for row in (*path, *line, *ends, *last)])
    return Table.of({name: (taken[name], "share") for name in (CLEAN, ATTACKED)}, names)


def chance_mix(table: Table, alpha: float, measure: str) -> float:
    """What comes out when the robust network answers by chance, with a probability of α."""
    normal, robust = (table.cell(row, measure) for row in ENDS)
    return (1 - alpha) * normal + alpha * robust


def plane_words(result: Views) -> str:
    """Both ends and a mixture above one half, beside picking by chance with the same α."""
    table: Table = result["plane"]
    parts = []
    for alpha in (0.0, 0.6, 1.0):
        if (row := alpha_condition(alpha)) not in table.rows:
            continue
        chance = 100 * chance_mix(table, alpha, ATTACKED) if ROBUST in table.rows else np.nan
        by_chance = f" (by chance {chance:.0f} %)" if 0 < alpha < 1 and np.isfinite(chance) else ""
        parts.append(f"{alpha:g}: {100 * table.cell(row, ATTACKED):.0f} %{by_chance}")
    sentence = f"Right under attack (first seed) at α = {', '.join(parts)}"
    if ADAPTIVE in table.rows:
        sentence += f"; nonlinear: {100 * table.cell(ADAPTIVE, ATTACKED):.0f} %"
    return f"{sentence}."


def certified_words(result: Views) -> str:
    """How many images are certified at all, by α."""
    table: Table = result["certified"]
    parts = ", ".join(f"{name} {100 * table[name][0]:.0f} %" for name in table.order[1:])
    return (
        f"Right and certified, with the robust network smoothed by noise of σ = {SIGMA}: {parts}. "
        f"Each bound may err with {100 * RISK:g} %."
    )


PLANE = Drawing(
    "plane",
    "Accuracy and robustness, from one network to the other",
    lambda result: PointGroups(
        x=CLEAN,
        y=ATTACKED,
        x_title="clean images right (%)",
        title="attacked images right (%)",
        looks={
            MIXED: "path",
            PICKED: "thin",
            **dict.fromkeys(ENDS.values(), "large"),
            NONLINEAR: "own",
        },
        span=(-3, 103),
        x_span=(100 * float(result["plane"][CLEAN].min()) - 1, 100.5),
    ),
    plane_words,
    part=in_plane,
)
CERTIFICATES = Drawing(
    "certified",
    "Certificates by radius",
    lambda result: Lines(
        x="radius",
        series={name: name for name in result["certified"].order[1:]},
        x_title="radius (L2, in pixels of 1)",
        title="certified right (%)",
        span=(-2, 102),
    ),
    certified_words,
)


def show(case: ExperimentCase, key: str) -> None:
    """The dial, and one image under attack."""
    st.header("On one image under attack")
    key = f"{key}.one"  # a setting of the experiment is called images too
    about = pick("Asked about", (TEST, SIDEBAR_IMAGE), f"{key}.about", "segments")
    sidebar_image = image_alone() if about == SIDEBAR_IMAGE else None
    model = catalog.load(NETWORKS[catalog.word_of(case.data.name)][0])
    image = choose_image(case.data, case.seed, model, sidebar_image, key)
    slot = f"{key}.MixedAnswers"
    answer, dial = st.container(), st.container()
    forms.refuse_links(MixedAnswers, slot)
    with dial:
        settings = forms.settings(MixedAnswers, slot, ("mixing",))
        if settings["mixing"] == FIXED:
            settings |= forms.settings(MixedAnswers, slot, ("alpha",))
        else:
            st.caption(MIXING)
        with st.popover("Settings of the attack"):
            settings |= forms.settings(MixedAnswers, slot, ("epsilon", "steps", "against"))
    with answer:
        section.show(
            Section(
                key,
                MixedAnswers(**settings),
                image.case,
                MixedAnswers.title,
                columns=2,
                evidence=(
                    Drawing("picture"),
                    Drawing(
                        "answers",
                        "Attacked, it is read as" if settings["epsilon"] else "It is read as",
                        BarGroups(
                            series=dict(zip(NETS, NETS, strict=True)), title="%", span=(0, 118)
                        ),
                        part=likeliest_classes,
                        finding=lambda result: (
                            f"The robust network leads by "
                            f"{100 * result['numbers'].cell('attacked', 'margin'):.0f} points."
                        ),
                    ),
                ),
            )
        )


def likeliest_classes(table: Table) -> Table:
    """The three classes that any of the networks finds likeliest."""
    order = (-table.values.max(1)).argsort(kind="stable")[:3]
    return table.take(order.tolist())
