"""The question of the Ask view, its answer, and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from components import runs
from components.ask.scene import KEY, Shown, carry, keep
from components.links import refuse
from components.notices import plain
from components.widgets.words import Word, picked_from, words
from engine.errors import BlindspotError
from engine.hallucination import asking
from engine.hallucination.case import CaptionCase
from engine.hallucination.claims import Claims, claims, naming, questions, telling
from engine.hallucination.greedy import Greedy
from engine.hallucination.word_case import WordCase
from engine.result import Tokens
from engine.run import Answer

FREE = ("is there a boat", "describe the image", "describe closely", "what color is the car")


@dataclass(frozen=True)
class Told:
    """An answer, and everything the sections below it need.

    Args:
        shown: the image.
        case: what was asked.
        answer: with its record.
        claims: the answer against the truth; None where that is not known.
        picked: the words that are looked into; None where the answer has none.
    """

    shown: Shown
    case: CaptionCase
    answer: Answer
    claims: Claims | None
    picked: WordCase | None

    @property
    def tokens(self) -> Tokens:
        """The answer's words."""
        tokens: Tokens = self.answer["answer"]
        return tokens

    @property
    def said(self) -> str:
        """The picked words, as they are quoted."""
        if self.picked is None:
            return ""
        return " ".join(self.tokens.words[place] for place in self.picked.places)

    @property
    def things(self) -> tuple[str, ...]:
        """What the picked words are about, each once."""
        if self.claims is None or self.picked is None:
            return ()
        named = (self.claims.thing(place) for place in self.picked.places)
        return tuple(dict.fromkeys(thing for thing in named if thing))


def ask(shown: Shown) -> Told:
    """The question and its answer; the page ends here when nothing was ever answered."""
    name = choose_model()
    prompt = choose_prompt(shown)
    case = asked(shown, name, prompt)
    if case is None:
        st.stop()
    answer = runs.answer(Greedy(), case, f"{KEY}.answer")
    tokens: Tokens = answer["answer"]
    against = claims(case.prompt, tokens.words, shown.scene) if shown.scene else None
    places = picked_places(tokens, against)
    picked = asking.words_of(case, tokens, places) if places else None
    return Told(shown, case, answer, against, picked)


def choose_model(page: str = KEY) -> str:
    """Which of the models is asked."""
    titles = {title: name for name, title in asking.models().items()}
    if not titles:
        st.error("The weights of TinyVLM are not here: run `python -m engine weights tiny-vlm`.")
        st.stop()
    refuse(f"{page}.model", titles, "Model", "one that is offered here")
    carry(f"{page}.model")
    picked = st.radio(
        "Model", list(titles), horizontal=True, key=f"{page}.model", bind="query-params",
        help="All learned the same scenes. The honest one learned nothing else. The other two then "
        "read captions that name a thing's usual partner although it is not there. With the habit "
        "of seeing, a yes hangs on the partner that is to be seen, not on the word that is asked.",
    )  # fmt: skip
    keep(f"{page}.model", picked)
    return titles[picked]


def choose_prompt(shown: Shown) -> str:
    """A ready question, or one's own words."""
    key, pills = f"{shown.page}.prompt", f"{shown.page}.ready"
    ready = questions(shown.first) if shown.first else FREE
    carry(key, ready[0])

    def take() -> None:
        if chosen := st.session_state[pills]:
            st.session_state[key] = chosen

    now = st.session_state.get(key, st.query_params.get(key, ""))
    st.session_state[pills] = now if now in ready else None
    st.pills("Ready questions", ready, key=pills, on_change=take, wrap=True)
    prompt = st.text_input(
        "Your question", key=key, bind="query-params", max_chars=400,
        help="It knows about a hundred words: sixteen things, eight colors, and the words of these "
        "questions.",
    )  # fmt: skip
    keep(key, prompt)
    return prompt


def asked(shown: Shown, name: str, prompt: str) -> CaptionCase | None:
    """What is asked; after a prompt that cannot be, why, and the last one that could."""
    held = f"{KEY}.last"
    try:
        case = about(shown, name, prompt)
    except BlindspotError as error:
        last = st.session_state.get(held)
        more = f" Shown below is the answer to “{last}”." if last else ""
        st.error(plain(f"{error}{more}"), icon=":material/error:")
        return about(shown, name, last) if last else None
    st.session_state[held] = prompt
    return case


def about(shown: Shown, name: str, prompt: str) -> CaptionCase:
    """A prompt about what is shown. Raises BlindspotError."""
    if shown.scene is not None:
        return asking.about_scene(name, shown.scene, prompt)
    if shown.picture is None or shown.crop is None:
        raise BlindspotError("There is no picture: choose one in the sidebar.")
    return asking.about_picture(name, shown.picture, shown.crop, prompt)


# ---------------------------------------------------------------- the answer


def picked_places(tokens: Tokens, against: Claims | None) -> tuple[int, ...]:
    """The words that are looked into: those picked, else what is most worth a look."""
    if not tokens.words:
        return ()
    held = st.session_state.get(f"{KEY}.picked")
    linked = st.query_params.get(f"{KEY}.words", "") if held is None else ""
    if held is not None and held[0] == tokens.text:
        return tuple(held[1])
    places = picked_from(linked, len(tokens.words), [first_place(tokens.words, against)])
    st.session_state[f"{KEY}.picked"] = tokens.text, places
    keep_link(places, tokens, against)
    return places


def first_place(said: Sequence[str], against: Claims | None) -> int:
    """An invented thing, else any thing; of a short answer its yes, no or color."""
    if against is not None and against.mentions and against.kind == "caption":
        return min(against.mentions, key=lambda one: (one.true, one.place)).place
    short = against is not None and against.kind != "caption"
    found = telling(said) if short else naming(said) or telling(said)
    return found[-1 if short else 0] if found else 0


def keep_link(places: Sequence[int], tokens: Tokens, against: Claims | None) -> None:
    """The picked words in the link, where they are not those that would be picked anyway."""
    key = f"{KEY}.words"
    if tuple(places) == (first_place(tokens.words, against),):
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = ",".join(map(str, places))


def show_answer(told: Told) -> None:
    """The words, whether they are true, and what the other model says."""
    tokens, against = told.tokens, told.claims
    if told.picked is None:
        st.info("The model ended without a word. Ask something else, or change the image.")
        return

    def pick(places: list[int]) -> None:
        st.session_state[f"{KEY}.picked"] = tokens.text, tuple(places)
        keep_link(places, tokens, against)

    st.markdown(f"**{plain(told.case.vlm.title)}** on “{plain(told.case.prompt)}”:")
    words(
        marked(tokens, against, told.picked.places),
        f"The answer: {tokens.text}",
        f"{KEY}.said",
        pick,
    )
    if not tokens.ended:
        st.caption("It was cut off at the most words an answer may have.")


def marked(tokens: Tokens, against: Claims | None, picked: Sequence[int]) -> list[Word]:
    """The words with what is known of each."""
    kinds, notes = {}, {}
    for one in against.mentions if against and against.kind == "caption" else ():
        kinds[one.place] = "invented" if not one.true else "again" if one.again else "true"
        notes[one.place] = {
            "invented": f"there is no {one.node}",
            "again": f"{one.node}, named before",
            "true": f"the {one.node} is there",
        }[kinds[one.place]]
    if against is not None and against.right is not None:
        for place, word in enumerate(tokens.words):
            if word in {"yes", "no"} or against.kind == "color":
                kinds[place] = "true" if against.right else "invented"
                notes[place] = "right" if against.right else "wrong"
    return [
        Word(word, float(share), kinds.get(at, ""), notes.get(at, ""), at in picked)
        for at, (word, share) in enumerate(zip(tokens.words, tokens.probability, strict=True))
    ]


def others(told: Told) -> None:
    """What the other model says of the same, in one line."""
    for name, title in asking.models().items():
        if name != told.case.vlm.name:
            case = about(told.shown, name, told.case.prompt)
            found: Tokens = runs.answer(Greedy(), case, f"{KEY}.other.{name}")["answer"]
            sure = f" ({100 * found.probability[0]:.0f} % sure)" if len(found.words) == 1 else ""
            st.markdown(f"**{plain(title)}** says: “{plain(tidy(found.text))}”{sure}")


def heading(question: str, told: Told) -> str:
    """A question about the picked words."""
    return plain(question.format(f"“{told.said}”" if told.said else "it"))


def tidy(text: str) -> str:
    """Words as they are written: no blank before a full stop."""
    return text.replace(" .", ".")
