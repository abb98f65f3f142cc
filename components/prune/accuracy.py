"""The section "Accuracy": how far one can go, right after pruning and after training again."""

from typing import Any

import numpy as np
import streamlit as st

from components import forms, runs
from components.prune.asked import KEY, PruneQuestion, with_rule
from components.section import Section
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.charts.words import percent
from engine.core.result import Table
from engine.core.run import Answer
from engine.sparsity import Level, Masks, Tradeoff, agreement_only, sparsest
from engine.sparsity.method import unlearnable

CURVE_SETTINGS = {"epochs", "rate", "seeds"}
CURVES = {"after pruning": "right after pruning", "retrained": "after training again"}
TICKS = (100, 50, 20, 10, 5, 2, 1)
Point = tuple[float, float]  # the share that stays, and how many are right


def show(question: PruneQuestion, masks: Masks) -> None:
    """The curve with the point of now; what has to be trained waits for a button."""
    right = "of the answers as before" if agreement_only(question.case) else "right"
    now = point(question, masks)
    Section(
        KEY,
        choose(question),
        question.case,
        "Accuracy against sparsity",
        button="Measure the curve",
        before="It goes on when you leave the page, and can be stopped at any time.",
        evidence=[
            Drawing(
                "levels",
                chart=lambda result: curve(result["levels"], now, right),
                finding=lambda result: finding(result, right),
                part=with_what_stays,
            )
        ],
    ).show()


def choose(question: PruneQuestion) -> Tradeoff:
    if unlearnable(question.case):
        st.caption(
            "These images are for looking only, so nothing is trained again: the curve is that "
            "right after pruning."
        )
        return with_rule(question.method, Tradeoff, epochs=0)
    settings = forms.folded_settings(
        Tradeoff, f"{KEY}.Tradeoff", CURVE_SETTINGS, "Settings of the curve"
    )
    return with_rule(question.method, Tradeoff, **settings)


def point(question: PruneQuestion, masks: Masks) -> Point | None:
    outcome = runs.ask(with_rule(question.method, Level), question.case, f"{KEY}.Level")
    if not isinstance(outcome, Answer):
        runs.watch([outcome])
        return None
    accuracy = outcome["figures"]["test accuracy"]
    verb = "get the answer that they had" if agreement_only(question.case) else "are told right"
    st.markdown(
        f"At this ratio **{percent(accuracy)}** of {len(question.case.data.rows('test')):,} test "
        f"images {verb}, without any training in between."
    )
    return masks.density, accuracy


def with_what_stays(levels: Table) -> Table:
    units = zip(levels.order, levels.units, strict=True)
    columns: dict[str, Any] = {name: (levels[name], unit) for name, unit in units}
    return Table.of({"stays": (1 - levels["sparsity"], "share"), **columns}, levels.rows)


def curve(levels: Table, now: Point | None, right: str) -> Lines:
    least = 100 * min(1 - float(levels["sparsity"].max()), 0.9)
    return Lines(
        x="stays",
        series={name: words for name, words in CURVES.items() if np.isfinite(levels[name]).any()},
        intervals={"retrained": ("spread",)},
        log=True,
        title=f"{right} (%)",
        span=(-2, 104),
        x_title="weights that stay (%), of those that can be cut",
        ticks=TICKS,
        x_span=(2.02, float(np.log10(max(least, 0.5))) - 0.05),
        height=380,
        line=100 * float(levels["after pruning"][0]),
        near=1.0,
        mark=None if now is None else (100 * now[0], 100 * now[1], "now"),
    )


def finding(result: Views, right: str) -> str:
    levels: Table = result["levels"]
    words = (
        f"The whole model: {percent(levels['after pruning'][0])} {right} (gray band: ± 1 point)."
    )
    for column, name in CURVES.items():
        reach = sparsest(levels, column)
        if np.isfinite(reach) and reach:
            words += f" {name.capitalize()} up to {percent(reach)} may go without losing more."
        elif np.isfinite(reach):
            words += f" {name.capitalize()} every level that was tried loses more than a point."
    return words
