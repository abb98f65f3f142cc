"""The answers beside each other: what differs, and what is true."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components.decoding.form import KEY, Compared, DecodedAnswer
from components.dialog import answer_words
from components.draw.tokens import WordMarks
from components.notices import escape_markdown
from components.section import Section
from engine.core.charts.drawing import Drawing
from engine.evaluation.language.beaf.differences import differing, worth_marking
from engine.evaluation.language.claims import Claims
from engine.evaluation.language.verdict import of_caption
from engine.vision.language.tiny_vlm.words import tidy, with_article


def show(
    comparison: Compared, places: Sequence[DeltaGenerator], provenance: DeltaGenerator
) -> None:
    differ = worth_marking([decoded.tokens.words for decoded in comparison.spoken])
    chosen = selected_word(comparison)
    for place, decoded_answer, marked_places in zip(places, comparison.spoken, differ, strict=True):
        with place:
            Section(
                f"{KEY}.said",
                decoded_answer.method,
                comparison.case,
                decoded_answer.title,
                known=comparison.shown.known,
                evidence=(answer_drawing(decoded_answer, marked_places, chosen),),
                provenance=provenance,
                sentence=lambda _: "",  # the drawing says whether it is true
            ).show()
    st.caption(
        "Thick blue: sure; thin orange: unsure. ≠ differ, ✓ there, ✗ made up, ↻ again. Click a "
        "word for why."
    )


def answer_drawing(
    decoded: DecodedAnswer, marked_places: set[int], chosen: tuple[str, int] | None
) -> Drawing:
    def pick(places: list[int]) -> None:
        st.session_state[f"{KEY}.picked"] = decoded.name, places[0]

    mine = (chosen[1],) if chosen and chosen[0] == decoded.name else ()
    rows = [
        replace(row, other=at in marked_places)
        for at, row in enumerate(answer_words.marked(decoded.tokens, decoded.claims, mine))
    ]
    label = f"{decoded.title}: {decoded.tokens.text}"
    marks = WordMarks(words=rows, label=label, pick=pick, verdict=verdict(decoded), small=True)
    return Drawing("answer", chart=marks)


def verdict(decoded: DecodedAnswer) -> str:
    claims = decoded.claims
    if claims is None:
        return "What is truly there is not known."
    if claims.kind == "caption":
        return f"**{escape_markdown(of_caption(claims))}**"
    if claims.right is None:
        return "It says neither yes nor no."
    return "**:material/check_circle: Right.**" if claims.right else "**:material/cancel: Wrong.**"


def finding_words(comparison: Compared) -> str:
    claims = comparison.spoken[0].claims
    if claims is None or claims.kind != "caption":
        sentence = grouped(comparison, ("says", "say"), lambda decoded: quoted(decoded.tokens.text))
        if claims is None or not claims.asked:
            return f"{sentence}."
        present = claims.asked in claims.there
        what = with_article(claims.asked) if present else f"no {claims.asked}"
        return f"{sentence}. There is {what} in this scene."
    return (
        grouped(comparison, ("makes up", "make up"), lambda decoded: invented(decoded.claims)) + "."
    )


def grouped(
    comparison: Compared, verbs: tuple[str, str], tell: Callable[[DecodedAnswer], str]
) -> str:
    same: dict[str, list[str]] = {}
    for decoded in comparison.spoken:
        same.setdefault(tell(decoded), []).append(decoded.title)
    return "; ".join(
        f"{join_names(titles)} {verbs[len(titles) > 1]} {what}" for what, titles in same.items()
    )


def join_names(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def quoted(text: str) -> str:
    return escape_markdown(f"“{tidy(text)}”") if text else "nothing"


def invented(claims: Claims | None) -> str:
    made_up = claims.invented if claims else ()
    return escape_markdown(join_names([with_article(word) for word in made_up])) or "nothing"


def selected_word(comparison: Compared) -> tuple[str, int] | None:
    """The word that is looked into: the one clicked, else the most telling one."""
    selection = st.session_state.get(f"{KEY}.picked")
    if selection is not None:
        decoded = comparison.of(selection[0])
        if decoded is not None and selection[1] < len(decoded.tokens.words):
            return str(selection[0]), int(selection[1])
    contrasted = [
        candidate
        for candidate in comparison.spoken
        if "weak" in candidate.answer and candidate.tokens.words
    ]
    for decoded in (*contrasted, *comparison.spoken):
        if decoded.tokens.words:
            marks = differing([comparison.spoken[0].tokens.words, decoded.tokens.words])
            default_place = answer_words.first_place(decoded.tokens.words, decoded.claims)
            return decoded.name, min(marks[1], default=default_place)
    return None
