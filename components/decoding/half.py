"""The same model with two of every four weights of its decoder: MaskLLM."""

from dataclasses import fields, replace

import streamlit as st

from components import runs
from components.decoding.form import KEY, ONLY_TINY, Compared
from components.draw import sharpening
from components.draw.drawing import draw
from components.forms import widget
from components.notices import escape_markdown
from components.section import Section
from engine.core.charts.drawing import Drawing
from engine.core.charts.panels import Panels
from engine.core.result import Table
from engine.core.run import Answer
from engine.hallucination import Greedy, MaskLLM, ScenesCase
from engine.hallucination.measures.mask_llm import COUNTED, habit_words, models_words, of, pruned
from engine.vision.language.tiny_vlm.weights import HONEST
from engine.vision.language.tiny_vlm.words import tidy

METHOD = MaskLLM()
SCENES = 50
SLOT = f"{KEY}.half"


def show(comparison: Compared) -> None:
    vlm = comparison.tiny
    if vlm is None:
        st.info(ONLY_TINY)
        return
    specs = {spec.name: spec for spec in fields(MaskLLM)}
    method = replace(METHOD, pattern=widget(specs["pattern"], f"{SLOT}.pattern", None))
    habit = vlm.name != HONEST
    case = ScenesCase(vlm, Greedy(), SCENES, "biased" if habit else "broken")

    def says(answer: Answer) -> None:
        pruned_case = replace(comparison.case, vlm=pruned(vlm, answer["masks"]))
        caption = runs.answer(Greedy(), pruned_case, f"{SLOT}.says")["answer"].text
        dense = comparison.greedy["answer"].text
        st.markdown(
            f"Of the image above, whole and greedy, it says “{escape_markdown(tidy(dense))}”; with "
            f"the learned {method.pattern} mask “{escape_markdown(tidy(caption))}”."
        )

    Section(
        SLOT,
        method,
        case,
        "What is lost with part of the weights?",
        button="Learn which weights stay",
        before=f"{method.steps} steps on captions; weights keep their values.",
        picture=lambda views: draw(compare_models(case), views, f"{SLOT}.models"),
        evidence=sharpening.drawings(),
        detail=says,
    ).show()


def compare_models(case: ScenesCase) -> Drawing:
    return Drawing(
        "models",
        "Loss on captions, and what is made up",
        lambda views: panels(views["models"]),
        lambda views: f"{models_words(views['models'])} {habit_words(case)}",
    )


def panels(models: Table) -> Panels:
    return Panels(
        panels={
            "loss": "loss",
            "lie rate": "captions that lie",
            "false yes": "false yes",
            "CHAIR_i": "mentions made up",
        },
        texts={
            **{
                rate: [
                    of(models, way, rate, count).replace(" (", "<br>").rstrip(")")
                    for way in models.rows
                ]
                for rate, count in COUNTED.items()
            },
            "loss": [f"{value:.3f}" for value in models["loss"]],
            "CHAIR_i": [f"{100 * value:.1f}" for value in models["CHAIR_i"]],
        },
    )
