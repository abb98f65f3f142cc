"""The answers beside each other: what differs, and what is true."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

import streamlit as st

from components.decoding.asked import KEY, Asked, Compared, Spoken, form, quoted, seeded, speak
from components.decoding.leaning import leaning
from components.dialog import answer_words
from components.notices import plain
from components.widgets.downloads import download
from components.widgets.words import words
from engine.hallucination.claims import Claims, telling
from engine.hallucination.tiny_vlm.words import with_article
from engine.result import Ranking, Scores


def side_by_side(asked: Asked) -> Compared:
    """A column for each strategy: settings, words, verdict; the finding where it belongs."""
    methods, places = [], []
    for column, kind in zip(st.columns(len(asked.kinds), gap="medium"), asked.kinds, strict=True):
        with column:
            st.markdown(f"#### {kind.title}")
            places.append(st.container())
            methods.append(form(kind, asked.case))
    with st.popover("Seed"):
        case = seeded(asked.case)
    found = speak(asked.shown, case, methods)
    with asked.finding:
        st.markdown(f"#### {finding_words(found)}")
        leaning(found)
    marks = worth_marking([one.tokens.words for one in found.spoken])
    chosen = picked(found)
    for place, one, other in zip(places, found.spoken, marks, strict=True):
        with place:
            spoken(one, other, chosen)
    st.caption(
        "Line below a word: how sure, blue and thick for sure, orange and thin for unsure. ≠ in a "
        "dashed frame: a thing, a color, a yes or no in which the strategies differ. "
        "✓ there, ✗ made up, ↻ named again. Click a word to see below why it came."
    )
    return found


def spoken(one: Spoken, other: set[int], chosen: tuple[str, int] | None) -> None:
    """One strategy's words and whether they are true."""
    tokens = one.tokens
    if not tokens.words:
        st.info("The model ended without a word.")
        return

    def pick(places: list[int]) -> None:
        st.session_state[f"{KEY}.picked"] = one.name, places[0]

    mine = (chosen[1],) if chosen and chosen[0] == one.name else ()
    rows = [
        replace(row, other=at in other)
        for at, row in enumerate(answer_words.marked(tokens, one.claims, mine))
    ]
    words(rows, f"{one.title}: {tokens.text}", f"{KEY}.{one.name}.said", pick, small=True)
    st.markdown(verdict(one))
    download(
        "JSON", lambda: as_json(one), f"blindspot-{one.name}.json", f"{KEY}.{one.name}.json",
        kind="tertiary", icon=":material/download:",
        help="The words, the best words of every step, the cost, and how it was made.",
    )  # fmt: skip


def verdict(one: Spoken) -> str:
    """Whether it is true, in a few words."""
    against = one.claims
    if against is None:
        return "What is truly there is not known."
    if against.kind == "caption":
        return f"**{plain(answer_words.caption_words(against))}**"
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


def grouped(found: Compared, verbs: tuple[str, str], tell: Callable[[Spoken], str]) -> str:
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


def invented(against: Claims | None) -> str:
    """The things that an answer makes up."""
    made_up = against.invented if against else ()
    return plain(listed([with_article(one) for one in made_up])) or "nothing"


# ---------------------------------------------------------------- what differs


def differing(answers: Sequence[Sequence[str]]) -> list[set[int]]:
    """For each answer, the places of the words that set it apart from the first.

    Of the first, those at which any other one departs from it.
    """
    marks: list[set[int]] = [set() for _ in answers]
    for at, said in enumerate(answers[1:], start=1):
        for tag, i1, i2, j1, j2 in SequenceMatcher(
            None, list(answers[0]), list(said), autojunk=False
        ).get_opcodes():
            if tag != "equal":
                marks[0] |= set(range(i1, i2))
                marks[at] |= set(range(j1, j2))
    return marks


def worth_marking(answers: Sequence[Sequence[str]]) -> list[set[int]]:
    """Of the differing words those that say something of an image; all where none does."""
    marks = differing(answers)
    told = [held & set(telling(said)) for held, said in zip(marks, answers, strict=True)]
    return told if any(told) else marks


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


# ---------------------------------------------------------------- to take along


def as_json(one: Spoken) -> str:
    """The answer, the best words of every step, and how it was made."""
    tokens = one.tokens
    said = [
        {"word": word, "probability": round(float(share), 6), "entropy": round(float(spread), 6)}
        for word, share, spread in zip(
            tokens.words, tokens.probability, tokens.entropy, strict=True
        )
    ]
    best = {
        name: [
            {word: round(float(value), 6) for word, value in zip(labels, values, strict=True)}
            for labels, values in zip(view.labels, view.values, strict=True)
        ]
        for name, view in one.answer.items()
        if isinstance(view, Ranking)
    }
    cost: Scores = one.answer["cost"]
    spent = dict(zip(cost.labels, cost.values.tolist(), strict=True))
    told = {"answer": tokens.text, "words": said, "best": best, "cost": spent}
    return json.dumps(told | {"record": one.answer.record}, indent=2)
