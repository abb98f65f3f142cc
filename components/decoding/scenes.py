"""Over many scenes: what each strategy invents, misses and costs where the truth is known."""

from dataclasses import replace

import numpy as np
import streamlit as st

from components import runs
from components.case_form import CaseForm
from components.decoding.form import KEY, ONLY_TINY, Compared
from components.draw.drawing import draw
from components.footer import Entry, add_entry
from engine.core.charts.drawing import Drawing
from engine.core.charts.lines import Scatter
from engine.core.result import Table
from engine.core.run import Answer
from engine.evaluation.language.rates import SPEED, Rates, ScenesCase, rates_table
from engine.evaluation.language.strategy import COSTS
from engine.hallucination import MVP, Strategy
from engine.vision.language.tiny_vlm.model import TinyVLM

TABLE_FIGURES = (
    "CHAIR_i",
    "CHAIR_s",
    "recall",
    "lie rate",
    "false yes",
    "missed",
    "yes-ratio",
    "words",
)


def show(comparison: Compared) -> None:
    if comparison.tiny is None:
        st.info(ONLY_TINY)
        return
    cases, count = choose(comparison, comparison.tiny)
    outcomes = runs.ask_all_when_told(Rates(), cases, f"{KEY}.rates", f"Count over {count} scenes")
    runs.watch(list(outcomes.values()))
    answers = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Answer)}
    if answers:
        rates = {"rates": rates_table(answers)}
        places = st.columns(2, gap="large")
        for at, drawing in enumerate(drawings()):
            if at == 0 and not len(describing_strategies(rates["rates"])):
                continue  # nobody names anything
            with places[min(at, 1)]:
                draw(drawing, rates, f"{KEY}.rates.{at}")
    add_entry(Entry("Over many scenes", Rates))


def drawings() -> tuple[Drawing, ...]:
    return (
        Drawing(
            "rates",
            "What is named, what is made up",
            lambda result: trade(result["rates"]),
            lambda result: trade_words(result["rates"]),
            part=describing_strategies,
        ),
        Drawing(
            "rates",
            "All figures",
            part=lambda rates: rates.select(TABLE_FIGURES),
            finding=lambda result: lie_words(result["rates"]),
        ),
        Drawing(
            "rates",
            "What it costs, for one description",
            part=lambda rates: replace(rates.select((*COSTS, SPEED)), units=("",) * 4),
            finding=lambda _: (
                "Scenes are read a hundred at a time where a strategy allows it; then they share "
                "their forward passes. Words per second are of this computer when it was counted."
            ),
        ),
    )


def choose(comparison: Compared, vlm: TinyVLM) -> tuple[dict[str, ScenesCase], int]:
    form = CaseForm(ScenesCase, f"{KEY}.scenes")
    for name, place in zip(
        ("kind", "count", "clean"), st.columns([3, 2, 2], vertical_alignment="bottom"), strict=True
    ):
        with place:
            form.ask(name)
    cases = {
        decoded.title: ScenesCase(vlm, decoded.method, **form.given)
        for decoded in comparison.spoken
        if isinstance(decoded.method, Strategy | MVP)
    }
    return cases, form.given["count"]


def describing_strategies(rates: Table) -> Table:
    return rates.take(np.flatnonzero(np.isfinite(rates["recall"] + rates["CHAIR_i"])).tolist())


def trade(rates: Table, spread: tuple[str, str] = ("", "")) -> Scatter:
    recall, invented = (describing_strategies(rates)[name] for name in ("recall", "CHAIR_i"))
    return Scatter(
        x="recall",
        y="CHAIR_i",
        shown=True,
        height=420,
        intervals={
            name: (half,) for name, half in zip(("recall", "CHAIR_i"), spread, strict=True) if half
        },
        x_span=(100 * recall.min() - 8, 100 * recall.max() + 8),
        span=(0, 125 * max(invented.max(), 0.04)),
        x_title="recall: % of the things there that are named →",
        title="← CHAIR_i: % of mentions made up",
    )


def trade_words(rates: Table) -> str:
    described_rates = describing_strategies(rates)
    at = int(described_rates["CHAIR_i"].argmin())
    words = (
        f"Better is to the right and lower. Least is made up by {described_rates.rows[at]}: "
        f"{100 * described_rates['CHAIR_i'][at]:.1f} % of the mentions, at a recall of "
        f"{100 * described_rates['recall'][at]:.0f} %."
    )
    silent = np.flatnonzero(np.isfinite(rates["recall"]) & np.isnan(rates["CHAIR_i"]))
    if len(silent):
        names = " and ".join(rates.rows[row] for row in silent)
        words += f" Not drawn: {names}, with captions that name no thing at all."
    if np.isnan(rates["recall"]).any():
        words += " MVP answers questions only, one by one: it has no captions to count."
    return words


def lie_words(rates: Table) -> str:
    parts = []
    for name, lie, false in zip(rates.rows, rates["lie rate"], rates["false yes"], strict=True):
        lies = f"adds the partner that is not there to {100 * lie:.0f} % of the leaders it names, "
        says = f"says yes to {100 * false:.0f} % of absent partners"
        parts.append(f"{name} {says if np.isnan(lie) else f'{lies}and {says}'}")
    return "; ".join(parts) + "."
