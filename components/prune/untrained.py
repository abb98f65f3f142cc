"""The section "Before training": networks that are pruned at their first weights, then trained."""

from typing import Any

from components import forms
from components.prune.asked import KEY, PruneQuestion, with_rule
from components.section import Section
from engine.core.charts.bars import Bars
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.words import percent
from engine.core.result import Table
from engine.sparsity import Masks, Untrained
from engine.sparsity.effects.untrained import DENSE

SLOT = f"{KEY}.untrained"
CHANCE = "Random"


def show(question: PruneQuestion, masks: Masks) -> None:
    settings: dict[str, Any] = {}
    if not Untrained.unmet(question.case):
        forms.refuse_links(Untrained, SLOT)
        settings = forms.settings(Untrained, SLOT, {"epochs"})
    method = with_rule(question.method, Untrained, **settings)
    networks = method.networks()
    Section(
        KEY,
        method,
        question.case,
        "What if it is pruned before it is trained?",
        button=f"Train {len(networks)} networks",
        before=f"From the same first weights: {', '.join(networks)}, all trained for "
        f"{method.epochs} epochs with their zeros held.",
        evidence=[
            Drawing(
                "networks",
                chart=lambda result: bars(result["networks"]),
                finding=lambda result: finding(result, masks.sparsity),
            )
        ],
    ).show()


def bars(table: Table) -> Bars:
    return Bars(
        value="trained",
        title="test images right after training (%)",
        span=(0, 104),
        line=100 * table.cell(DENSE, "trained"),
        line_name=DENSE,
        texts=[f"{100 * share:.1f}" for share in table["trained"]],
    )


def finding(result: Views, sparsity: float) -> str:
    table: Table = result["networks"]
    right = dict(zip(table.rows, (100 * table["trained"]).tolist(), strict=True))
    shares = ", ".join(f"{name} {value:.1f} %" for name, value in right.items())
    words = f"About {percent(sparsity)} cut before training: {shares} right."
    if CHANCE in right:
        better = [name for name in right if right[name] > right[CHANCE] and name != DENSE]
        words += f" Better than a random mask, in one run: {', '.join(better) or 'none'}."
    return words
