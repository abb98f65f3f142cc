"""OPERA: the answer's attention to itself, over-trust, and where the search went back."""

from functools import partial
from typing import cast

import numpy as np
import streamlit as st

from components.decoding.form import Compared, DecodedAnswer
from components.decoding.measured import takes
from components.notices import escape_markdown
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.charts.matrix import Matrix
from engine.core.result import Field, Table
from engine.hallucination.decoding.opera import OPERA
from engine.hallucination.measures.over_trust import largest_penalty, walk


def drawings(_comparison: Compared, decoded: DecodedAnswer) -> tuple[Drawing, ...]:
    names = tuple(decoded.numbered)
    if len(names) < 2:
        st.info("A single word has no earlier word to lean on: ask for a description.")
        return ()
    if "back" not in decoded.answer:
        st.markdown("**It never went back**: no word was the most trusted one often enough.")

    def square(attention: Field) -> Table:
        return Table.grid(attention.values, names, names, ("",) * len(names))

    return (
        Drawing(
            "self", "The answer's attention to itself",
            Matrix(bar="share of attention", numbers=False, height=460),
            partial(attention_words, decoded), part=square,
        ),
        Drawing(
            "trust", "Over-trust of each word",
            Dots(
                series={"over-trust": "over-trust"}, names=names, line=0, height=460,
                line_name="beyond, it weighs", title="over-trust, ln φ (nats)",
            ),
            partial(trust_words, decoded), part=finite,
            below=lambda _: st.markdown(f"**{escape_markdown(felt_words(decoded))}**"),
        ),
        Drawing(
            "back", "Where it went back",
            Lines(
                x="words chosen", series={"length": "length"}, title="length of the answer",
                x_title="words chosen, those taken back included", height=300,
            ),
            back_words, part=lambda back: walk(back, len(names)),
        ),
    )  # fmt: skip


def attention_words(decoded: DecodedAnswer, views: Views) -> str:
    attention: Field = views["self"]
    sums = np.nansum(np.tril(np.nan_to_num(attention.values), -1), 0)
    most = int(sums.argmax())
    return (
        f"Each row: where that word looked among the words of the answer. Later words look most at "
        f"“{decoded.tokens.words[most]}” (word {most + 1})."
    )


def finite(trust: Table) -> Table:
    """ln φ of each word, NaN where φ is 0."""
    logs = np.where(np.isfinite(trust["over-trust"]), trust["over-trust"], np.nan)
    return Table.of(
        {name: (trust[name], unit) for name, unit in zip(trust.order, trust.units, strict=True)}
        | {"over-trust": (logs, "nats")},
        trust.rows,
    )


def trust_words(decoded: DecodedAnswer, views: Views) -> str:
    trust = finite(views["trust"])
    logs = trust["over-trust"]
    top = int(np.nanargmax(logs)) if np.isfinite(logs).any() else 0
    column = int(trust["most trusted word"][top])
    return (
        f"Highest at “{decoded.tokens.words[top]}”, which leans on "
        f"“{decoded.tokens.words[column]}”. {int((logs > 0).sum())} of {len(logs)} words have φ "
        "above 1; far below zero it changes nothing."
    )


def felt_words(decoded: DecodedAnswer) -> str:
    method = cast(OPERA, decoded.method)
    largest = largest_penalty(method, decoded.answer.views)
    if largest is None:
        return f"φ counts from word {method.early + 1} on: this answer is too short for it."
    verdict = "it is felt" if largest.felt else "it is not felt"
    return (
        f"The largest φ that counts lowers a score by {largest.penalty:.2g} nats: {verdict}. "
        + takes(largest.words, largest.share, method.scale)
    )


def back_words(views: Views) -> str:
    taken = ", ".join(f"{count:.0f}" for count in views["back"]["taken back"])
    times = len(views["back"])
    words = f"It went back {times} {'time' if times == 1 else 'times'}; words taken back: {taken}."
    if "rejected" in views:
        rejected: Table = views["rejected"]
        words += (
            " It may no longer say "
            + ", ".join(
                f"“{word}” as word {int(place) + 1}"
                for word, place in zip(rejected.rows, rejected["place"].tolist(), strict=True)
            )
            + "."
        )
    return words
