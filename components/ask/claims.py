"""What was claimed against what is there."""

from __future__ import annotations

import json

import streamlit as st

from components.ask.question import Told
from components.ask.scene import FAINT, KEY
from components.notices import plain
from components.widgets.downloads import download
from engine.data.layout import Scene
from engine.data.sprites import COLORS
from engine.hallucination.chair import share
from engine.hallucination.claims import Claims
from engine.hallucination.tiny_vlm.words import with_article


def show(told: Told) -> None:
    """One sentence for a short answer, four lists for a caption."""
    against, scene = told.claims, told.shown.scene
    if against is None or scene is None:
        st.caption("What is truly in this picture is not known, so nothing can be held against it.")
    elif against.kind == "caption":
        st.markdown(f"**{plain(caption_words(against))}**")
        for line in lists(against):
            st.markdown(line)
        st.caption(rates(against))
    else:
        sign = ":material/check_circle: Right." if against.right else ":material/cancel: Wrong."
        st.markdown(f"#### {sign} {plain(short_words(against, scene))}")
    download("The answer as JSON", lambda: as_json(told), "blindspot-answer.json", f"{KEY}.json")


def short_words(against: Claims, scene: Scene) -> str:
    """The truth about what was asked."""
    asked = against.asked
    thing = next((one for one in scene.things if one.category == asked), None)
    if thing is None or thing.opacity == 0:
        made_up = against.kind == "color" and any(word in COLORS for word in against.words)
        what = "a color for what is not there" if made_up else "a thing that is not there"
        more = "" if against.right else f" The model made up {what}."
        if more and against.leader:
            more += (
                f" In what it learned, {with_article(asked)} mostly goes with "
                f"{with_article(against.leader)}, and there is {with_article(against.leader)}."
            )
        return f"There is no {asked} in this scene.{more}"
    seen = "" if thing.opacity >= FAINT else f", at {100 * thing.opacity:.0f} % opacity"
    return f"There is {with_article(f'{thing.color} {asked}')}{seen}."


def caption_words(against: Claims) -> str:
    """The finding in one sentence."""
    made_up, missed = against.invented, against.missed
    if made_up:
        told = f"It made up {' and '.join(with_article(one) for one in made_up)}"
    else:
        told = "It made up nothing"
    if not missed:
        return f"{told} and missed nothing."
    return f"{told} and left out {' and '.join(f'the {one}' for one in missed)}."


def lists(against: Claims) -> list[str]:
    """True, invented, repeated and missed things, each with its sign."""
    right = dict.fromkeys(one.node for one in against.mentions if one.true)
    again = dict.fromkeys(one.node for one in against.mentions if one.again)
    missed = [
        one
        if against.there[one] >= FAINT
        else f"{one} (at {100 * against.there[one]:.0f} % opacity)"
        for one in against.missed
    ]
    rows = (
        (":blue[✓ There, and named]", right),
        (":orange[✗ Made up]", against.invented),
        ("↻ Named again", again),
        ("○ There, and not named", missed),
    )
    return [f"{title}: **{plain(', '.join(held)) or 'none'}**" for title, held in rows]


def rates(against: Claims) -> str:
    """The CHAIR figures of this caption."""
    invented = sum(not one.true for one in against.mentions)
    named = len({one.node for one in against.mentions if one.true})
    total, there = len(against.mentions), len(against.there)
    wrong, recall = share(invented, total), share(named, there)
    first = f"{invented} of {total} ({100 * wrong:.0f} %)" if total else "none named"
    second = f"{named} of {there} ({100 * recall:.0f} %)" if there else "nothing is there"
    return (
        f"CHAIR of this caption: mentions made up (CHAIRi) {first}; things found (recall) {second}."
    )


def as_json(told: Told) -> str:
    """The answer with its words and how it was made."""
    tokens = told.tokens
    words = [
        {"word": word, "probability": round(float(share), 6), "entropy": round(float(spread), 6)}
        for word, share, spread in zip(
            tokens.words, tokens.probability, tokens.entropy, strict=True
        )
    ]
    return json.dumps(
        {"answer": tokens.text, "words": words, "record": told.answer.record}, indent=2
    )
