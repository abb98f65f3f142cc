"""The five questions in words and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from components import views
from components.dialog import scene
from components.views import AppPage
from engine.data import registry

PICTURES = Path(__file__).parent / "questions"


@dataclass(frozen=True)
class Question:
    """One of the five: what it asks, and the views that answer."""

    title: str
    asks: str
    tells: str
    picture: str  # SVG in components/questions
    words: str  # what the picture shows, for those who cannot see it
    views: tuple[tuple[AppPage, str, dict[str, Any]], ...] = ()  # view, example, its settings


DECODED = {
    "decoding.kind": scene.STORY["ask.kind"],
    "decoding.scene": 253,
    "decoding.ask": "is there a lamp",
}

OTHER_DIGIT = {
    "image": "From a data set",
    "data": registry.entry("mnist-5k").card.title,
    "item": 1,
    "model": "Digits CNN",
}

QUESTIONS = (
    Question(
        "Attribution",
        "What did it look at?",
        "A heat map shows on which parts of the image the model's score rests, by up to four "
        "methods side by side, each in its own unit. A level set shows how far the image can "
        "change while the model goes on saying the same. A study measures ten methods where the "
        "truth is known.",
        "attribution.svg",
        "A photograph with a warm spot on the cat's face",
        (
            (
                views.HEATMAPS,
                "Example: what makes this an Egyptian cat?",
                {"image": "A cat (Chelsea)"},
            ),
            (
                views.HEATMAPS,
                "Example: where is the espresso?",
                {"image": "A cup of coffee"},
            ),
            (
                views.LEVEL_SETS,
                "Example: from a cat to a palace that the model still calls a cat",
                {"image": "A cat (Chelsea)", "levels.against": "A Chinese palace"},
            ),
            (
                views.WHICH_EXPLANATION,
                "Example: eight maps of one cat; which one is to be trusted?",
                {"image": "A cat (Chelsea)"},
            ),
            (
                views.MINIMAL_REGIONS,
                "Example: how little of the picture is enough for a cat?",
                {"image": "A cat (Chelsea)"},
            ),
            (views.STUDY, "Example: which of ten kinds of heat map can be relied on?", {}),
        ),
    ),
    Question(
        "Unlearning",
        "What can it forget, and what stays behind?",
        "A model that was told to forget a class or a person's pictures, beside one that never "
        "saw them.",
        "unlearning.svg",
        "Dots of two groups; one group is fading, faint rings stay",
        ((views.FORGET, "Example: can a model forget what a 3 is?", {}),),
    ),
    Question(
        "Hallucination",
        "What does it make up?",
        "A caption word by word, where each word looked, and which words survive when the image "
        "is taken away.",
        "hallucination.svg",
        "A sentence under a picture; one word points at nothing",
        (
            (
                views.ASK,
                "Example: a lamp that is not there",
                {**scene.STORY, "ask.ask": "is there a lamp"},
            ),
            (
                views.DECODING,
                "Example: a lamp that another way of choosing words does not see",
                DECODED,
            ),
            (
                views.ASK,
                "Example: a caption, and which of its things are there",
                {**scene.STORY, "ask.ask": "describe the image"},
            ),
        ),
    ),
    Question(
        "Anomaly",
        "What has it never seen?",
        "How unusual one image is among the normal ones, and by which evidence.",
        "anomaly.svg",
        "A histogram with one mark far to its right",
        (
            (
                views.FAMILIAR,
                "Example: is a digit of another data set usual for a model of digits?",
                OTHER_DIGIT,
            ),
        ),
    ),
    Question(
        "Sparsity",
        "What can it do without?",
        "How much of the model can be cut away before accuracy, calibration or the heat map give "
        "way.",
        "sparsity.svg",
        "A network with most of its lines cut",
        (
            (
                views.PRUNE,
                "Example: does a cat stay a cat when 30 % of the weights are gone?",
                {"image": "A cat (Chelsea)"},
            ),
        ),
    ),
)


def questions() -> None:
    """One card for each question; a view that does not exist yet is not linked."""
    for question in QUESTIONS:
        with st.container(border=True):
            picture, words = st.columns([1, 4], vertical_alignment="center")
            picture.image(PICTURES / question.picture, alt=question.words, width="stretch")
            with words:
                st.header(f"{question.title}: {question.asks}")
                st.markdown(question.tells)
                for view, example, settings in question.views:
                    open_example(view, example, settings)
                if not question.views:
                    st.caption("Not built yet.")


def open_example(view: AppPage, example: str, settings: dict[str, Any]) -> None:
    """A button that sets what the example needs and goes to its view.

    A link would not do: what it asks for does not move a widget of the sidebar that is drawn
    already.
    """
    if st.button(
        example, icon=view.icon, type="tertiary", key=f"overview.{view.address}.{example}",
        on_click=st.session_state.update, args=(settings,),
    ):  # fmt: skip
        st.switch_page(view.path, query_params={})
