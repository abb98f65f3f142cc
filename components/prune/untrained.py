"""The section "Before training": a network that is pruned at its first weights and then trained.

SNIP, GraSP and SynFlow were made for this; random masks are the control.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from components import runs
from components.draw import tables
from components.draw.bars import Bars
from components.notices import plain
from components.prune.asked import FINGERPRINTS, KEY, Asked
from components.prune.wording import percent
from engine.result import Columns
from engine.run import Answer
from engine.sparsity import Masks, PruneCase, Retrain
from engine.training import Recipe, fresh

CRITERIA = ("SNIP", "GraSP", "SynFlow", "Random")
DENSE = "nothing cut"
MOST_EPOCHS = 50
FIGURES = {"right after pruning": "test accuracy right after pruning", "trained": "test accuracy"}


def show(asked: Asked, masks: Masks) -> None:
    """Accuracy of four networks pruned before they are trained, beside one that is not pruned."""
    st.markdown("**What if it is pruned before it is trained?**")
    case = untrained(asked.case)
    if case is None:
        st.caption(
            "Not available: how this model was trained from its first weights is not known. Choose "
            "a model of Data and models that was not made from another one."
        )
        return
    epochs = st.slider(
        "Epochs of training", 1, MOST_EPOCHS, 10, key=f"{KEY}.untrained.epochs",
        bind="query-params", help=f"For all of them alike, on {plain(case.data.card.title)}.",
    )  # fmt: skip
    training: dict[str, Any] = {"epochs": epochs, "rate": Recipe().rate}
    networks = {DENSE: Retrain(ratio=0.0, **training)}
    networks |= {name: asked.with_rule(Retrain, criterion=name, **training) for name in CRITERIA}
    outcomes = runs.ask_together(
        networks, case, f"{KEY}.untrained", f"Train {len(networks)} networks"
    )
    if not outcomes:
        st.caption(
            f"From the same first weights: one network as it is, and one for each of "
            f"{', '.join(CRITERIA)}, all trained for {epochs} epochs with their zeros held."
        )
        return
    if answers := {name: one for name, one in outcomes.items() if isinstance(one, Answer)}:
        table = table_of(answers)
        tables.chart(trained(table), table, finding(table, masks.sparsity), f"{KEY}.untrained.bars")
    runs.watch([one for one in outcomes.values() if not isinstance(one, Answer)])


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=FINGERPRINTS)
def untrained(case: PruneCase) -> PruneCase | None:
    """The model's network at first weights drawn by the seed; None where that is not known."""
    if case.recipe is None:
        return None
    return PruneCase(fresh(case.data, case.recipe, case.seed), case.data, case.seed)


def table_of(answers: Mapping[str, Answer]) -> Columns:
    """Test accuracy of each network, right after pruning and trained."""
    scores = [answer["figures"] for answer in answers.values()]
    columns = {
        name: (np.array([one[label] for one in scores]), "share") for name, label in FIGURES.items()
    }
    return Columns.of(columns, tuple(answers))


def trained(table: Columns) -> Bars:
    """Bars beside the network of which nothing is cut."""
    dense = 100 * table.cell(DENSE, "trained") if DENSE in table.rows else None
    return Bars(
        value="trained", title="test images right after training (%)", span=(0, 104), line=dense,
        line_name=DENSE, texts=[f"{100 * share:.1f}" for share in table["trained"]],
    )  # fmt: skip


def finding(table: Columns, sparsity: float) -> str:
    """How much each loses, and whether it does better than chance masks."""
    right = dict(zip(table.rows, (100 * table["trained"]).tolist(), strict=True))
    each = ", ".join(f"{name} {value:.1f} %" for name, value in right.items())
    words = f"About {percent(sparsity)} cut before training: {each} right."
    if "Random" in right:
        chance = right["Random"]
        better = [name for name in CRITERIA[:-1] if right.get(name, -1.0) > chance]
        words += f" Better than a random mask, in one run: {', '.join(better) or 'none'}."
    return words
