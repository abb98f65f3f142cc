"""What the model says of the image, whether it is true, and what the other models say."""

from functools import partial

import streamlit as st

from components import runs
from components.dialog import question, scene
from components.dialog.answer_words import first_place, marked
from components.dialog.scene import KEY, DialogImage
from components.ending import end
from components.notices import escape_markdown
from components.section import Section
from components.widgets.words import draw_words, picked_places, store_picks
from engine.core.result import Tokens
from engine.evaluation.language.claims import claims_of
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.verdict import chair_text, things_of
from engine.hallucination import asking
from engine.hallucination.grounding.word_case import WordCase
from engine.vision.language.case import CaptionCase
from engine.vision.language.tiny_vlm.weights import DENSE
from engine.vision.language.tiny_vlm.words import tidy

PICKED = f"{KEY}.words"  # in the link
VERDICT_TITLES = (
    ":blue[✓ There, and named]",
    ":orange[✗ Made up]",
    "↻ Named again",
    "○ There, and not named",
)


def show(dialog_image: DialogImage, case: CaptionCase) -> WordCase:
    """The answer with its verdict; gives the words that are looked into below.

    The page ends here where there is no answer, or none of a single word.
    """
    answer = Section(
        KEY,
        Greedy(),
        case,
        known=dialog_image.known,
        picture=lambda result: picture(dialog_image, case, result["answer"]),
    ).show()
    picked = picked_words(case, answer["answer"]) if answer else None
    if picked is None:
        end()
    return picked


def picked_words(case: CaptionCase, tokens: Tokens) -> WordCase | None:
    if not tokens.words:
        return None
    first = first_place(tokens.words, claims_of(case, tokens.words))
    return asking.case_of_words(
        case, tokens, picked_places(PICKED, tokens.text, len(tokens.words), first)
    )


def picture(dialog_image: DialogImage, case: CaptionCase, tokens: Tokens) -> None:
    image, text_column = st.columns(2, gap="large")
    with image:
        scene.picture(dialog_image, case.vlm.name)
    with text_column:
        if picked := picked_words(case, tokens):
            clickable(picked, tokens)
        else:
            st.info("Ask something else, or change the image.")
        compare_answers(dialog_image, case, tokens)


def clickable(picked: WordCase, tokens: Tokens) -> None:
    truth = picked.claims
    st.markdown(f"**{escape_markdown(picked.vlm.title)}** on “{escape_markdown(picked.prompt)}”:")
    draw_words(
        marked(tokens, truth, picked.places),
        f"The answer: {tokens.text}",
        f"{KEY}.said",
        partial(store_picks, PICKED, tokens.text, first_place(tokens.words, truth)),
    )
    if not tokens.ended:
        st.caption("It was cut off at the most words an answer may have.")


def compare_answers(dialog_image: DialogImage, case: CaptionCase, tokens: Tokens) -> None:
    truth = claims_of(case, tokens.words)
    if truth is not None and truth.kind == "caption":
        for title, names in zip(VERDICT_TITLES, things_of(truth), strict=True):
            st.markdown(f"{title}: **{escape_markdown(', '.join(names)) or 'none'}**")
        st.caption(chair_text(truth))
    shipped = asking.shipped_models()
    for name, title in shipped.items() if case.vlm.name in shipped else ():
        if name in DENSE and name != case.vlm.name:
            other = question.question_case(dialog_image, name, case.prompt)
            result: Tokens = runs.answer(Greedy(), other, f"{KEY}.other.{name}")["answer"]
            sure = f" ({100 * result.probability[0]:.0f} % sure)" if len(result.words) == 1 else ""
            st.markdown(
                f"**{escape_markdown(title)}** says: “{escape_markdown(tidy(result.text))}”{sure}"
            )
