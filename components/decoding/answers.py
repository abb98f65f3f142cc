"""The answers beside each other: what differs, and what is true."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components import section
from components.decoding.form import KEY, Compared, DecodedAnswer
from components.dialog import answer_words
from components.draw.drawing import Drawing
from components.draw.tokens import WordMarks
from components.notices import plain
from components.section import Section
from engine.hallucination.measures.claims import Claims
from engine.hallucination.measures.differences import differing, worth_marking
from engine.hallucination.measures.verdict import of_caption
from engine.hallucination.tiny_vlm.words import tidy, with_article


def show(found: Compared, places: Sequence[DeltaGenerator], made: DeltaGenerator) -> None:
    """Each strategy's words and whether they are true, in the place of each; how they were made."""
    differ = worth_marking([one.tokens.words for one in found.spoken])
    chosen = picked(found)
    for place, one, other in zip(places, found.spoken, differ, strict=True):
        with place:
            section.show(
                Section(
                    f"{KEY}.said", one.method, found.case, one.title, known=found.shown.known,
                    evidence=(answer_drawing(one, other, chosen),), provenance=made,
                    sentence=lambda _: "",  # the drawing says whether it is true
                )
            )  # fmt: skip
    st.caption(
        "Thick blue: sure; thin orange: unsure. ≠ differ, ✓ there, ✗ made up, ↻ again. Click a "
        "word for why."
    )


def answer_drawing(one: DecodedAnswer, other: set[int], chosen: tuple[str, int] | None) -> Drawing:
    """The words with what is known of each; a click picks the word that is looked into."""

    def pick(places: list[int]) -> None:
        st.session_state[f"{KEY}.picked"] = one.name, places[0]

    mine = (chosen[1],) if chosen and chosen[0] == one.name else ()
    rows = [
        replace(row, other=at in other)
        for at, row in enumerate(answer_words.marked(one.tokens, one.claims, mine))
    ]
    label = f"{one.title}: {one.tokens.text}"
    marks = WordMarks(words=rows, label=label, pick=pick, verdict=verdict(one), small=True)
    return Drawing("answer", chart=marks)


def verdict(one: DecodedAnswer) -> str:
    """Whether it is true, in a few words."""
    against = one.claims
    if against is None:
        return "What is truly there is not known."
    if against.kind == "caption":
        return f"**{plain(of_caption(against))}**"
    if against.right is None:
        return "It says neither yes nor no."
    return "**:material/check_circle: Right.**" if against.right else "**:material/cancel: Wrong.**"


def finding_words(found: Compared) -> str:
    """What every strategy says, in one sentence, and the truth of a short answer."""
    against = found.spoken[0].claims
    if against is None or against.kind != "caption":
        told = grouped(found, ("says", "say"), lambda one: quoted(one.tokens.text))
        if against is None or not against.asked:
            return f"{told}."
        there = against.asked in against.there
        what = with_article(against.asked) if there else f"no {against.asked}"
        return f"{told}. There is {what} in this scene."
    return grouped(found, ("makes up", "make up"), lambda one: invented(one.claims)) + "."


def grouped(found: Compared, verbs: tuple[str, str], tell: Callable[[DecodedAnswer], str]) -> str:
    """What each strategy does, those that do the same together; a verb for one and for many."""
    same: dict[str, list[str]] = {}
    for one in found.spoken:
        same.setdefault(tell(one), []).append(one.title)
    return "; ".join(
        f"{listed(titles)} {verbs[len(titles) > 1]} {what}" for what, titles in same.items()
    )


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def quoted(text: str) -> str:
    """An answer as it is quoted in a sentence."""
    return plain(f"“{tidy(text)}”") if text else "nothing"


def invented(against: Claims | None) -> str:
    """The things that an answer makes up."""
    made_up = against.invented if against else ()
    return plain(listed([with_article(one) for one in made_up])) or "nothing"


def picked(found: Compared) -> tuple[str, int] | None:
    """The word that is looked into: the one clicked, else the most telling one."""
    held = st.session_state.get(f"{KEY}.picked")
    if held is not None:
        one = found.of(held[0])
        if one is not None and held[1] < len(one.tokens.words):
            return str(held[0]), int(held[1])
    contrasted = [one for one in found.spoken if "weak" in one.answer and one.tokens.words]
    for one in (*contrasted, *found.spoken):
        if one.tokens.words:
            marks = differing([found.spoken[0].tokens.words, one.tokens.words])
            telling = answer_words.first_place(one.tokens.words, one.claims)
            return one.name, min(marks[1], default=telling)
    return None
