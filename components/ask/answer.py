"""What the model says of the image, whether it is true, and what the other models say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from components import runs, section
from components.ask.claims import lists, rates, verdict
from components.dialog import question, scene
from components.dialog.answer_words import first_place, marked, tidy
from components.dialog.scene import KEY, Shown
from components.draw.drawing import Views
from components.ending import end
from components.notices import plain
from components.section import Section
from components.widgets.words import picked_from, words
from engine.hallucination import asking
from engine.hallucination.case import CaptionCase
from engine.hallucination.decoding.greedy import Greedy
from engine.hallucination.grounding.word_case import WordCase
from engine.hallucination.measures.claims import Claims, claims
from engine.result import Tokens

PICKED = f"{KEY}.words"  # in the link
CHOICE = f"{KEY}.picked"


@dataclass(frozen=True)
class PromptAnswer:
    """An answer, and everything the sections below it need.

    Args:
        shown: the image.
        case: what was asked.
        tokens: the answer's words.
        claims: the answer against the truth; None where that is not known.
        picked: the words that are looked into; None where the answer has none.
    """

    shown: Shown
    case: CaptionCase
    tokens: Tokens
    claims: Claims | None
    picked: WordCase | None

    @property
    def phrase(self) -> str:
        """The picked words, in quotation marks."""
        if self.picked is None:
            return "the answer"
        return f"“{' '.join(self.tokens.words[place] for place in self.picked.places)}”"

    @property
    def things(self) -> tuple[str, ...]:
        """What the picked words are about, each once."""
        if self.claims is None or self.picked is None:
            return ()
        named = (self.claims.thing(place) for place in self.picked.places)
        return tuple(dict.fromkeys(thing for thing in named if thing))


def show(shown: Shown, case: CaptionCase) -> PromptAnswer:
    """The answer with its verdict; the page ends here where there is none."""
    answer = section.show(
        Section(
            KEY, Greedy(), case, known=shown.known,
            sentence=lambda found: verdict(understood(shown, case, found).claims, shown.scene),
            picture=lambda found: picture(understood(shown, case, found)),
        )
    )  # fmt: skip
    if answer is None:
        end()
    return understood(shown, case, answer)


def understood(shown: Shown, case: CaptionCase, found: Views) -> PromptAnswer:
    """An answer with its truth and the words that are picked."""
    tokens: Tokens = found["answer"]
    truth = claims(case.prompt, tokens.words, shown.scene) if shown.scene else None
    places = picked_places(tokens, truth)
    picked = asking.words_of(case, tokens, places) if places else None
    return PromptAnswer(shown, case, tokens, truth, picked)


def picked_places(tokens: Tokens, truth: Claims | None) -> tuple[int, ...]:
    """The words that are looked into: those picked, else what is most worth a look."""
    if not tokens.words:
        return ()
    choice = st.session_state.get(CHOICE)
    if choice is not None and choice[0] == tokens.text:
        return tuple(choice[1])
    linked = st.query_params.get(PICKED, "") if choice is None else ""
    places = picked_from(linked, len(tokens.words), [first_place(tokens.words, truth)])
    pick(places, tokens, truth)
    return places


def pick(places: Sequence[int], tokens: Tokens, truth: Claims | None) -> None:
    """Remember picked words, in the link only if they differ from those picked by default."""
    st.session_state[CHOICE] = tokens.text, tuple(places)
    if tuple(places) == (first_place(tokens.words, truth),):
        st.query_params.pop(PICKED, None)
    else:
        st.query_params[PICKED] = ",".join(map(str, places))


def picture(answer: PromptAnswer) -> None:
    """The image beside what is said of it."""
    image, said = st.columns([4, 5], gap="large")
    with image:
        scene.picture(answer.shown)
    with said:
        clickable(answer)
        beside(answer)


def clickable(answer: PromptAnswer) -> None:
    """The words, to be picked."""
    tokens, truth = answer.tokens, answer.claims
    if answer.picked is None:
        st.info("The model ended without a word. Ask something else, or change the image.")
        return
    st.markdown(f"**{plain(answer.case.vlm.title)}** on “{plain(answer.case.prompt)}”:")
    words(
        marked(tokens, truth, answer.picked.places), f"The answer: {tokens.text}", f"{KEY}.said",
        lambda places: pick(places, tokens, truth),
    )  # fmt: skip
    if not tokens.ended:
        st.caption("It was cut off at the most words an answer may have.")


def beside(answer: PromptAnswer) -> None:
    """Things named, made up and missed, and what the other models say."""
    if answer.claims is not None and answer.claims.kind == "caption":
        for line in lists(answer.claims):
            st.markdown(line)
        st.caption(rates(answer.claims))
    for name, title in asking.models().items():
        if name != answer.case.vlm.name:
            case = question.about(answer.shown, name, answer.case.prompt)
            found: Tokens = runs.answer(Greedy(), case, f"{KEY}.other.{name}")["answer"]
            sure = f" ({100 * found.probability[0]:.0f} % sure)" if len(found.words) == 1 else ""
            st.markdown(f"**{plain(title)}** says: “{plain(tidy(found.text))}”{sure}")
