"""Every way to choose words on the same pairs, and what contrast can mend by the closed form."""

from dataclasses import replace

import numpy as np
import streamlit as st

from components import runs
from components.before_after.counted import count_table
from components.before_after.form import KEY, PairsQuestion
from components.draw.drawing import draw
from components.section import Section
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.result import Table
from engine.core.run import Answer
from engine.evaluation.language.beaf.figures import FIGURES
from engine.evaluation.language.beaf.removal_law import law_words
from engine.evaluation.language.rates import unfit
from engine.hallucination import MVP, STRATEGIES, Greedy, RemovalLaw

CHARTED_FIGURES = ("TU", "SB+", "ID")
DOTS = Dots(
    series={name: name for name in CHARTED_FIGURES},
    span=(-3, 103),
    title="% (90 % of resampled scenes)",
    intervals={name: (f"{name}, low", f"{name}, high") for name in CHARTED_FIGURES},
)
LAW = Lines(
    x="α",
    series={"measured": "measured", "law": "the law"},
    intervals={"measured": ("low", "high")},
    x_title="strength of the contrast α",
    title="still said to be there (%)",
)


def compare(question: PairsQuestion, threshold: float | None) -> None:
    """The figures of every strategy; what is kept is shown, the rest waits for a button.

    MVP asks one by one, several times each: it joins when it is the decoding of the page.
    """
    st.markdown("**Another way to choose words, on the same pairs**")
    cases = {
        kind.title: replace(question.case, strategy=kind())
        for kind in STRATEGIES
        if (kind is not MVP or isinstance(question.case.strategy, MVP))
        and not unfit(question.case.vlm, kind)
    }
    outcomes = runs.ask_all_when_told(
        question.method, cases, f"{KEY}.strategies", "Ask with every strategy"
    )
    runs.watch(list(outcomes.values()))
    answers = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Answer)}
    if answers:
        results = {"figures": strategy_table(answers, threshold)}
        drawing = Drawing("figures", "", DOTS, lambda views: compare_words(views["figures"]))
        draw(drawing, results, f"{KEY}.strategies.figures")


def strategy_table(answers: Views, threshold: float | None) -> Table:
    tables = [count_table("figures", answer["records"], threshold) for answer in answers.values()]
    names = [column for name in FIGURES for column in (name, f"{name}, low", f"{name}, high")]
    columns = {name: (np.array([table[name][0] for table in tables]), "share") for name in names}
    return Table.of(columns, tuple(answers))


def compare_words(table: Table) -> str:
    best = int(np.nanargmax(table["TU"]))
    words = (
        f"Most true understanding: {table.rows[best]}, TU {100 * table['TU'][best]:.0f} % "
        f"({100 * table['TU, low'][best]:.0f} to {100 * table['TU, high'][best]:.0f})."
    )
    inside = [
        name
        for at, name in enumerate(table.rows)
        if at != best and table["TU, high"][at] >= table["TU, low"][best]
    ]
    if inside:
        words += f" Its range overlaps with that of {', '.join(inside)}."
    return words


def law(question: PairsQuestion) -> None:
    case = replace(question.case, strategy=Greedy())
    known = {**question.known, "decoding": Greedy.name} if question.known else {}
    Section(
        f"{KEY}.law", RemovalLaw(), case, "What can contrast mend? The law, and what is found",
        known=known, button="Count with contrast",
        sentence=lambda result: law_words(result["law"], result["fit"]),
        evidence=(Drawing("law", "", LAW, lambda _: "The line goes through the first point; "
                  "all others are predictions. Bars: 90 % of resampled pairs."),),
        before="Partners are taken out while what they go with stays; the answer is contrasted "
        "with that about a copy deep in noise, at six strengths.",
    ).show()  # fmt: skip
