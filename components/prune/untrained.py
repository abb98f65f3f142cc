"""The section "Before training": a network that is pruned at its first weights and then trained.

SNIP, GraSP and SynFlow were made for this; random masks are the control.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components import runs
from components.charts import plots
from components.charts.style import COLORS, GRAY, laid, theme
from components.notices import plain
from components.prune.asked import KEY, Asked
from components.prune.charts import percent
from engine.result import Table
from engine.run import Answer
from engine.sparsity import Masks, PruneCase, Retrain
from engine.training import Recipe, fresh

CRITERIA = ("SNIP", "GraSP", "SynFlow", "Random")
DENSE = "nothing cut"
HEADINGS = ("right after pruning", "trained")
MOST_EPOCHS = 50


def show(asked: Asked, masks: Masks) -> None:
    """Accuracy of four networks pruned before they are trained, beside one that is not pruned."""
    st.markdown("**What if it is pruned before it is trained?**")
    case = case_of(asked.case, asked.case.fingerprint)
    if case is None:
        st.caption(
            "Not available: how this model was trained from its first weights is not known. Choose "
            "a model of Data and models that was not made from another one."
        )
        return
    epochs = choose_epochs(case)
    training: dict[str, Any] = {"epochs": epochs, "rate": Recipe().rate}
    questions = {DENSE: Retrain(ratio=0.0, **training)}
    questions |= {name: asked.with_rule(Retrain, criterion=name, **training) for name in CRITERIA}
    first = runs.ask_when_told(
        questions[DENSE], case, f"{KEY}.untrained.{DENSE}", f"Train {len(questions)} networks"
    )
    if first is None:
        st.caption(
            f"From the same first weights: one network as it is, and one for each of "
            f"{', '.join(CRITERIA)}, all trained for {epochs} epochs with their zeros held."
        )
        return
    found = {DENSE: first} | {
        name: runs.ask(one, case, f"{KEY}.untrained.{name}")
        for name, one in questions.items()
        if name != DENSE
    }
    answered = {name: one for name, one in found.items() if isinstance(one, Answer)}
    if answered:
        draw(table_of(answered), masks)
    runs.watch([one for one in found.values() if not isinstance(one, Answer)])


@st.cache_resource(max_entries=4, show_spinner=False)
def case_of(_case: PruneCase, fingerprint: str) -> PruneCase | None:
    """The model's network at first weights drawn by the seed; None where that is not known."""
    del fingerprint  # names the case
    if _case.recipe is None:
        return None
    return PruneCase(fresh(_case.data, _case.recipe, _case.seed), _case.data, _case.seed)


def choose_epochs(case: PruneCase) -> int:
    """How long each network is trained."""
    return int(
        st.slider(
            "Epochs of training", 1, MOST_EPOCHS, 10, key=f"{KEY}.untrained.epochs",
            bind="query-params", help=f"For all of them alike, on {plain(case.data.card.title)}.",
        )
    )  # fmt: skip


def table_of(answered: dict[str, Any]) -> Table:
    """Test accuracy of each network, right after pruning and trained."""
    lines = []
    for found in answered.values():
        figures = dict(zip(found["figures"].labels, found["figures"].values, strict=True))
        after = figures["test accuracy right after pruning"]
        lines.append([after, figures["test accuracy"]])
    return Table(np.array(lines, np.float32), tuple(answered), HEADINGS, ("share", "share"))


def draw(table: Table, masks: Masks) -> None:
    """Bars, and the finding in words."""
    trained = 100 * table.values[:, 1]
    colors = [GRAY if name == DENSE else COLORS[theme()][1] for name in table.rows]
    figure = go.Figure(
        go.Bar(
            y=list(table.rows), x=trained, orientation="h", marker={"color": colors},
            text=[f"{value:.1f}" for value in trained],
        )
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title="test images right after training (%)", range=[0, 104])
    plots.with_table(
        laid(figure, 100 + 32 * len(table.rows)), words(table, masks.sparsity),
        {"before training": table}, f"{KEY}.untrained.bars",
    )  # fmt: skip


def words(table: Table, sparsity: float) -> str:
    """How much each loses, and whether it does better than chance masks."""
    trained = dict(zip(table.rows, 100 * table.values[:, 1], strict=True))
    said = ", ".join(f"{name} {value:.1f} %" for name, value in trained.items())
    told = f"About {percent(sparsity)} cut before training: {said} right."
    if "Random" in trained:
        chance = trained["Random"]
        better = [name for name in CRITERIA[:-1] if trained.get(name, -1.0) > chance]
        told += f" Better than a random mask, in one run: {', '.join(better) or 'none'}."
    return told
