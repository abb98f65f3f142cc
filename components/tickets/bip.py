"""The section "Learn the mask": BiP beside the largest weights and IMP, in steps or seconds."""

from dataclasses import fields, replace

import numpy as np
import streamlit as st

from components import forms
from components.picks import pick
from components.section import Section
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Scatter
from engine.core.charts.panels import Panels
from engine.core.result import Table
from engine.sparsity import BiP
from engine.sparsity.bip.mask_search import SAME
from engine.sparsity.bip.method import BIP, DENSE, ONCE
from engine.vision.lab import TrainCase

KEY = "tickets.bip"
SLOT = f"{KEY}.{BiP.name}"
GROUPS = (DENSE, ONCE, BIP, "IMP, fewer weights at each level")
PRICES = ("steps", "seconds")
SETTINGS = tuple(spec.name for spec in fields(BiP))
SETTLES = Panels(
    panels={"flipped": "Flipped, of all weights", SAME: "Shared with the final mask (IoU)"}
)
SHARED = Dots(
    series={"IoU": "BiP's mask", "chance": "chance"},
    span=(0, 104),
    title="kept by both, of what either keeps (%)",
)


def show(case: TrainCase) -> None:
    above, controls = st.container(), st.container(horizontal=True)
    with controls:
        price = pick("Price in", PRICES, f"{KEY}.price", "radio", horizontal=True)
        method = BiP(**forms.folded_settings(BiP, SLOT, SETTINGS, "Settings"))
    with above:
        ask(case, method, price)


def ask(case: TrainCase, method: BiP, price: str) -> None:
    Section(
        KEY,
        method,
        case,
        "What if the mask is learned together with the weights?",
        button="Learn the mask",
        keeps=True,
        before=f"A dense network is cut to {100 * method.kept:.3g} % of its weights; then mask "
        f"and weights are learned in turn for {method.epochs} epochs. The largest weights "
        f"with their mask fixed, and IMP with {method.levels} levels of {method.epochs} epochs "
        "from the first weights, are trained beside it.",
        evidence=(
            Drawing(
                "figures",
                "Right answers against price",
                chart=trade(price),
                part=grouped,
                finding=lambda result: priced(result, price),
            ),
            Drawing("mask", "How the mask settles", chart=SETTLES, finding=settled),
            Drawing(
                "overlap", "Weights that others keep too", chart=SHARED, finding=overlap_sentence
            ),
            Drawing("model"),
        ),
    ).show()


def trade(price: str) -> Scatter:
    return Scatter(
        x=price,
        y="right",
        groups=("group", GROUPS),
        title="test images right (%)",
        x_title=f"{price} after the dense training",
    )


def grouped(table: Table) -> Table:
    group = [GROUPS.index(row) if row in GROUPS else len(GROUPS) - 1 for row in table.rows]
    return replace(
        table,
        columns={**table.columns, "group": np.array(group, np.float64)},
        order=(*table.order, "group"),
        units=(*table.units, ""),
    )


def priced(result: Views, price: str) -> str:
    figures: Table = result["figures"]
    names = [*dict.fromkeys((BIP, ONCE, figures.rows[-1]))]
    names = [name for name in names if name in figures.rows]  # it may grow
    words = [
        f"{row}: {100 * figures.cell(row, 'right'):.1f} % after "
        f"{figures.cell(row, price):,.0f} {price}"
        for row in names
    ]
    epochs = [f"{figures.cell(row, 'epochs'):.0f}" for row in names]
    uneven = (
        ""
        if len(names) < 3
        else (
            f" These weights learned for {', '.join(epochs[:-1])} and {epochs[-1]} epochs: a level "
            "of IMP begins at the first weights, the others at the dense network."
        )
    )
    return f"Test images right. {'; '.join(words)}.{uneven} One run; other seeds may differ."


def settled(result: Views) -> str:
    table: Table = result["mask"]
    most = int(np.argmax(table["flipped"]))
    return (
        f"The mask that it began with shares {100 * table[SAME][0]:.0f} % with the final one; most "
        f"weights flip in {table.rows[most]}: {100 * table['flipped'][most]:.2g} % of all."
    )


def overlap_sentence(result: Views) -> str:
    table: Table = result["overlap"]
    overlaps = [
        f"{row} {100 * iou:.0f} % (chance {100 * chance:.0f} %)"
        for row, iou, chance in zip(table.rows, table["IoU"], table["chance"], strict=True)
    ]
    return f"Shared with the mask of {', '.join(overlaps)}."
