"""Several questions of a view that share one picture, such as maps side by side in the viewer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import streamlit as st

from components import runs
from components.notices import plain
from components.runs import Live, Outcome
from components.section import Section, answered, ask, explain
from engine.run import Answer

Outcomes = Mapping[str, Outcome]
Answers = Mapping[str, Answer]


@dataclass(frozen=True)
class Together:
    """Questions whose answers are drawn as one.

    Args:
        sections: by the names of their tabs; a sentence or a picture of their own is not drawn.
            The first one's button, if it has one, starts all.
        picture: draws what is there of all.
        sentence: what the answers say, above the picture.
        growing: draws what is there of an answer that is still computed.
        below: where the tabs are drawn, such as below the controls; right below the picture if not
            given.
    """

    sections: Mapping[str, Section]
    picture: Callable[[Outcomes], object]
    sentence: Callable[[Answers], str] | None = None
    growing: Live | None = None
    below: AbstractContextManager[Any] | None = None


def show(shown: Together) -> Outcomes:
    """Ask them, draw them as one, and below it a tab for each that is answered."""
    found = ask_all(shown.sections)
    if not found:
        explain(next(iter(shown.sections.values())))
        return found
    answers = {name: one for name, one in found.items() if isinstance(one, Answer)}
    if shown.sentence and answers:
        st.subheader(plain(shown.sentence(answers)))
    shown.picture(found)
    runs.watch(list(found.values()), shown.growing)
    if answers:
        with shown.below or nullcontext():
            for tab, (name, answer) in zip(st.tabs(list(answers)), answers.items(), strict=True):
                with tab:
                    answered(shown.sections[name], answer)
    return found


def ask_all(sections: Mapping[str, Section]) -> Outcomes:
    """All outcomes; none while the first waits for its button."""
    first, *others = sections
    outcome = ask(sections[first])
    if outcome is None:
        return {}
    return {first: outcome} | {name: ask(sections[name]) for name in others}
