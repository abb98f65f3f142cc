"""Words with a value each: an answer, underlined by how sure the model was of every word."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from components.charts.tables import fold_numbers
from components.notices import escape_markdown
from components.widgets.words import AnswerWord, draw_words
from engine.core.charts.drawing import DrawnAs
from engine.core.result import Table, Tokens


@dataclass(frozen=True, kw_only=True)
class WordMarks(DrawnAs):
    """What is known of the words beside their values.

    Args:
        words: with their marks; those of the answer without any if not given.
        label: what the group of words is, for those who cannot see it; the answer if not given.
        pick: told the places of the words that are clicked.
        verdict: stands below the words, in Markdown.
        small: for several answers beside each other, without what the lines mean.
    """

    words: Sequence[AnswerWord] = ()
    label: str = ""
    pick: Callable[[list[int]], None] | None = None
    verdict: str = ""
    small: bool = False


def draw_tokens(view: Tokens, finding: str, key: str, marks: WordMarks) -> None:
    if not view.words:
        st.info("The model ended without a word.")
        return
    rows = marks.words or [
        AnswerWord(word, float(share))
        for word, share in zip(view.words, view.probability, strict=True)
    ]
    label, pick = marks.label or view.text, marks.pick or (lambda _: None)
    draw_words(rows, label, f"{key}.words", pick, small=marks.small or not marks.pick)
    if marks.verdict:
        st.markdown(marks.verdict)
    if not view.ended:
        st.caption("It was cut off at the most words an answer may have.")
    if finding:
        st.caption(escape_markdown(finding))
    fold_numbers({f"{key}.numbers": word_values(view)})


def word_values(view: Tokens) -> Table:
    """The probability of each word, and the entropy of those that could have stood there."""
    columns = {"probability": (view.probability, "probability"), "entropy": (view.entropy, "nat")}
    return Table.of(columns, view.words)
