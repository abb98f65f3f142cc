"""What Concepts asks: the scene, the model, what it is told, and the things to be left out."""

from typing import Any

import streamlit as st

from components import forms, picks
from components.concepts.view import KEY, SCENES, STORY
from components.dialog import question, scene
from components.dialog.scene import DialogImage
from components.ending import end
from components.notices import show_problems
from engine.unlearning import SAUCE
from engine.vision.language.case import CaptionCase
from engine.vision.language.tiny_vlm.sayings import PROMPTS

SLOT = f"{KEY}.SAUCE"


def choose() -> tuple[DialogImage, CaptionCase, SAUCE]:
    forms.refuse_links(SAUCE, SLOT)
    settings: dict[str, Any] = {}
    setting_names = ("concept", "second", "third", "features", "gamma")
    for place, name in zip(st.columns([2, 2, 2, 3, 3], gap="medium"), setting_names, strict=True):
        with place:
            settings |= forms.settings(SAUCE, SLOT, (name,))
    prompt_column, editor_column = st.columns([5, 4], gap="large")
    dialog_image = scene.choose(editor_column, STORY, KEY)
    with st.sidebar:
        st.header("Model")
        name = question.choose_model(KEY, own=False)  # the dictionary is learned on scenes
    with prompt_column:
        prompt = picks.pick("What it is told", tuple(PROMPTS.values()), f"{KEY}.told", "pills")
        with st.popover("The dictionary of features"):
            settings |= forms.settings(SAUCE, SLOT, ("width", "active", "steps"))
    case: CaptionCase | None = None
    with show_problems():
        case = question.question_case(dialog_image, name, prompt)
    return dialog_image, case or end(), SAUCE(**settings, scenes=SCENES)
