"""A caption whose things are marked: there, named again, or made up."""

from collections.abc import Iterable, Sequence
from html import escape

import streamlit as st

from engine.evaluation.language.chair import Mention

LOOKS = {  # sign, color as red, green and blue, and what it means
    "true": ("✓", "0,114,178", "there"),
    "again": ("↻", "128,128,128", "there, named before"),
    "invented": ("✗", "230,120,0", "made up"),
}
LEGEND = " · ".join(f"{sign} {meaning}" for sign, _, meaning in LOOKS.values())


def kind_of(mention: Mention) -> str:
    return "invented" if not mention.true else "again" if mention.again else "true"


def as_html(words: Sequence[str], mentions: Iterable[Mention]) -> str:
    """The words with a sign and a ground on each thing; nothing is told by color alone."""
    at = {mention.place: mention for mention in mentions}
    pieces, place = [], 0
    while place < len(words):
        found_mention = at.get(place)
        if found_mention is None:
            pieces.append(escape(words[place]))
            place += 1
            continue
        sign, color, meaning = LOOKS[kind_of(found_mention)]
        text = escape(" ".join(words[place : place + found_mention.width]))
        pieces.append(
            f'<span title="{meaning}: {escape(found_mention.node)}" '
            f'style="background:rgba({color},.25);'
            f'border-bottom:2px solid rgb({color});padding:0 3px;border-radius:3px">'
            f"{sign}&nbsp;{text}</span>"
        )
        place += found_mention.width
    return f'<p style="font-size:1.1rem;line-height:2">{" ".join(pieces)}</p>'


def show(words: Sequence[str], mentions: Sequence[Mention]) -> None:
    st.html(as_html(words, mentions))
    st.caption(LEGEND if mentions else "No word of it names a thing that is counted.")
