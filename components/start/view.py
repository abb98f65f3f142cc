"""Start: the image on the left, its six answers beside it."""

import streamlit as st

from components import in_distribution, runs, stories
from components.sidebar import subject
from components.start import questions
from components.start.cards import KEY, fill
from components.views import (
    ANOMALY_EXPERIMENTS,
    ATTRIBUTION_EXPERIMENTS,
    DATA_AND_MODELS,
    DECODING,
    DOUBT,
    HALLUCINATION_EXPERIMENTS,
    MINIMAL_REGIONS,
    PROTECT_DATA,
    SPARSITY_EXPERIMENTS,
    STUDY,
    TILTED_BOUNDARY,
    UNLEARNING_EXPERIMENTS,
    WHICH_EXPLANATION,
)
from engine.core import run

CARD_ROWS = (("look", "blind spot", "unusual"), ("pruned", "made up", "forget"))
ABOUT = "What a vision model sees in your image, and what it does not notice."
MORE = {
    "Which explanation of this image can be relied on?": WHICH_EXPLANATION,
    "How little of this image is enough?": MINIMAL_REGIONS,
    "Which kind of heat map can be relied on?": STUDY,
    "Does another way of choosing words make up less?": DECODING,
    "Does the model hesitate, or does it not know this kind?": DOUBT,
    "Can images like this one be kept from being learned?": PROTECT_DATA,
    "Why is an accurate classifier fooled by so little?": TILTED_BOUNDARY,
    "Do claims of papers on accurate and robust networks hold here?": ATTRIBUTION_EXPERIMENTS,
    "Do claims of papers on unlearning hold here?": UNLEARNING_EXPERIMENTS,
    "Do claims of papers on doubt, and on rare and unseen images, hold here?": ANOMALY_EXPERIMENTS,
    "Do claims of papers on training sparse networks hold here?": SPARSITY_EXPERIMENTS,
    "Do claims of papers on moving what a language model says hold here?": (
        HALLUCINATION_EXPERIMENTS
    ),
    "What is there to learn from?": DATA_AND_MODELS,
}


def show() -> None:
    """Every card in its place; they are asked one after another, the heat map first.

    Who opens another view waits for them no more, but for the card of that view.
    """
    left, right = st.columns([1, 3], gap="medium")
    left.title("Blindspot")
    left.markdown(ABOUT)
    with right:
        warning = st.container()
        places = {
            name: column
            for row in CARD_ROWS
            for name, column in zip(row, st.columns(3), strict=True)
        }
        usual, more = st.container(), st.container()
    chosen_subject = subject.current((), left)
    with warning:
        in_distribution.show_usualness(chosen_subject, usual)
    with more:
        stories.links()
        further()
    cards, turn = questions.question_cards(chosen_subject), True
    sections = [section for card in cards.values() for section in card.sections.values()]
    runs.ends_with_view(
        {
            section.slot: card.view.address
            for card in cards.values()
            for section in card.sections.values()
        }
    )
    runs.leave_all_but(
        KEY,
        {
            card_section.slot: run.job_name(card_section.method, card_section.case)
            for card_section in sections
        },
    )
    for name, card in cards.items():
        with places[name]:
            turn = fill(card, turn=turn)


def further() -> None:
    with st.expander("More questions"):
        for question, view in MORE.items():
            if st.button(question, icon=view.icon, type="tertiary", key=f"{KEY}.{view.address}"):
                st.switch_page(view.path, query_params={})
