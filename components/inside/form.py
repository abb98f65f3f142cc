"""What Inside asks: the scene, the model, how it is to describe it, and what the probe reads."""

from typing import Any

import streamlit as st

from components import picks
from components.dialog import question, scene
from components.dialog.scene import DialogImage
from components.ending import end
from components.forms import folded_settings
from components.inside.view import KEY, STORY
from components.notices import show_problems
from engine.hallucination import HalluRAG
from engine.vision.language.case import CaptionCase
from engine.vision.language.tiny_vlm.sayings import PROMPTS


def choose() -> tuple[DialogImage, CaptionCase, dict[str, Any]]:
    prompt_column, editor_column = st.columns([5, 4], gap="large")
    dialog_image = scene.choose(editor_column, STORY, KEY)
    with st.sidebar:
        st.header("Model")
        name = question.choose_model(KEY, own=False)  # the probe learns on scenes: TinyVLM's
    with prompt_column:
        prompt = picks.pick("What it is told", tuple(PROMPTS.values()), f"{KEY}.told", "pills")
        settings = folded_settings(HalluRAG, f"{KEY}.HalluRAG", FIELDS, "What the probe reads")
    case: CaptionCase | None = None
    with show_problems():
        case = question.question_case(dialog_image, name, prompt)
    return dialog_image, case or end(), settings


FIELDS = ("feature", "depth", "when")
