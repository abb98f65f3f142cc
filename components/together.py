"""Several questions of a view that share one picture, such as maps side by side in the viewer."""

from collections.abc import Iterator, Mapping

import streamlit as st

from components.runs import Outcome
from components.section import Section, ask
from engine.core.run import Answer

Outcomes = Mapping[str, Outcome]
Answers = Mapping[str, Answer]


def ask_all(sections: Mapping[str, Section]) -> Outcomes:
    """The outcomes of all by their names; none while one waits for its button.

    A button of the first starts those after it too.
    """
    results: dict[str, Outcome] = {}
    for name, section in sections.items():
        outcome = ask(section)
        if outcome is None:
            return {}
        results[name] = outcome
    return results


def answers_of(outcomes: Outcomes) -> Answers:
    """Those that are answered."""
    return {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Answer)}


def tabs(answers: Answers) -> Iterator[tuple[str, Answer]]:
    if answers:
        for tab, (name, answer) in zip(st.tabs(list(answers)), answers.items(), strict=True):
            with tab:
                yield name, answer
