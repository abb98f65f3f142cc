"""The section "Accuracy": how far one can go, right after pruning and after training again."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import streamlit as st

from components import runs
from components.charts import plots
from components.forms import refuse_links, widget
from components.prune import charts
from components.prune.asked import KEY, Asked
from engine.result import Result, Table
from engine.run import Answer
from engine.sparsity import Level, Masks, Tradeoff, agreement_only, sparsest
from engine.sparsity.prune import unlearnable

OWN = ("epochs", "rate", "seeds")


def show(asked: Asked, masks: Masks) -> None:
    """The curve with the point of now; what has to be trained waits for a button."""
    st.markdown("**Accuracy against sparsity**")
    method = choose(asked)
    now = point(asked, masks)
    slot = f"{KEY}.Tradeoff"
    outcome = runs.ask_when_told(method, asked.case, slot, "Measure the curve")
    word = "of the answers as before" if agreement_only(asked.case) else "right"
    if outcome is None:
        st.caption("It goes on when you leave the page, and can be stopped at any time.")
        return
    if isinstance(outcome, Answer):
        drawn(outcome, now, word)
        return
    runs.watch_growing(outcome, lambda partial: sofar(partial, now, word))


def choose(asked: Asked) -> Tradeoff:
    """How long each level learns again; without images to learn from, not at all."""
    if unlearnable(asked.case):
        st.caption(
            "These images are for looking only, so nothing is trained again: the curve is that "
            "right after pruning."
        )
        return Tradeoff(epochs=0, **rule(asked))
    refuse_links(Tradeoff, f"{KEY}.Tradeoff")
    given: dict[str, Any] = {}
    specs = {spec.name: spec for spec in fields(Tradeoff)}
    for column, name in zip(st.columns(len(OWN)), OWN, strict=True):
        with column:
            given[name] = widget(specs[name], f"{KEY}.Tradeoff.{name}", None)
    return Tradeoff(**given, **rule(asked))


def rule(asked: Asked) -> dict[str, Any]:
    """By what is cut; the curve has ratios of its own."""
    names = ("criterion", "allocation", "structure", "pattern", "head")
    return {name: getattr(asked.method, name) for name in names}


def point(asked: Asked, masks: Masks) -> tuple[float, float] | None:
    """The share that stays and the accuracy at the ratio of now."""
    outcome = runs.ask(asked.with_rule(Level), asked.case, f"{KEY}.Level")
    if not isinstance(outcome, Answer):
        runs.watch([outcome])
        return None
    accuracy = float(outcome["figures"].values[0])
    word = "get the answer that they had" if agreement_only(asked.case) else "are told right"
    st.markdown(
        f"At this ratio **{charts.percent(accuracy)}** of "
        f"{len(asked.case.data.rows('test')):,} test images {word}, without any training in "
        "between."
    )
    return masks.density, accuracy


def drawn(found: Result, now: tuple[float, float] | None, word: str) -> None:
    """The curve with its words and numbers."""
    levels: Any = found["levels"]
    reach = tuple(sparsest(levels, name) for name in ("after pruning", "retrained"))
    words = charts.curve_words(levels, word, (reach[0], reach[1]))
    plots.with_table(charts.curve(levels, now, word), words, {"levels": levels}, f"{KEY}.curve")


def sofar(partial: Result, now: tuple[float, float] | None, word: str) -> None:
    """The levels that are done."""
    levels = partial.get("levels")
    if isinstance(levels, Table):
        plots.drawn(
            charts.curve(levels, now, word), f"{len(levels.rows)} levels are done",
            f"{KEY}.curve.live",
        )  # fmt: skip
