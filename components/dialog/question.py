"""The model and the prompt of Ask and Decoding."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components.case_form import CaseForm
from components.dialog.scene import KEY, DialogImage, ask_carried, carry, picture
from components.ending import end
from components.notices import escape_markdown
from engine.core.errors import BadModel, BlindspotError
from engine.evaluation.language.claims import suggested_questions
from engine.hallucination import asking
from engine.vision.language.case import CaptionCase
from engine.vision.language.hugging_face import loading
from engine.vision.language.hugging_face.families import NAMES
from engine.vision.models.extras import TRANSFORMERS

FREE = ("is there a boat", "describe the image", "describe closely", "what color is the car")


def choose(dialog_image: DialogImage, answer: DeltaGenerator) -> CaptionCase:
    """The model and the prompt; where nothing can be asked, the page ends with the picture."""
    with st.sidebar:
        st.header("Model")
        name = choose_model(dialog_image.page)
    case = read_question(dialog_image, name, choose_prompt(dialog_image))
    if case is None:
        with answer:
            picture(dialog_image, name)
        end()
    return case


def choose_model(page: str, *, own: bool = True) -> str:
    if not asking.models():
        st.error("The weights of TinyVLM are not here: run `python -m engine weights tiny-vlm`.")
        end()
    form = CaseForm(CaptionCase, page)
    offered = asking.models() if own else asking.shipped_models()
    name = str(
        ask_carried(
            form,
            "model",
            "radio",
            only=lambda model: model.name in offered,
            label_visibility="collapsed",
        )
    )
    if own:
        with st.expander("A model of yours"):
            own_models()
    return name


def own_models() -> None:
    if not TRANSFORMERS.installed:
        st.caption(f"`{TRANSFORMERS.install}` adds {TRANSFORMERS.brings}: {NAMES}.")
        return
    st.caption(
        f"{NAMES}: put a folder with configuration, tokenizer and `.safetensors` weights into "
        f"`{loading.own_folder()}`."
    )
    for entry in loading.entries():
        if entry.missing:
            st.caption(escape_markdown(f"{entry.title} · not here: {entry.missing}"))


def choose_prompt(dialog_image: DialogImage) -> str:
    form = CaseForm(CaptionCase, dialog_image.page)
    key, pills = form.key_of("ask"), f"{dialog_image.page}.ready"
    ready = suggested_questions(dialog_image.first) if dialog_image.first else FREE
    carry(key, ready[0])

    def take() -> None:
        if chosen := st.session_state[pills]:
            st.session_state[key] = chosen

    now = st.session_state.get(key, st.query_params.get(key, ""))
    st.session_state[pills] = now if now in ready else None
    st.pills("Ready questions", ready, key=pills, on_change=take, wrap=True)
    return str(ask_carried(form, "ask", first="", most=400))


def read_question(dialog_image: DialogImage, name: str, prompt: str) -> CaptionCase | None:
    last_key = f"{KEY}.last"
    try:
        with st.spinner("Loading the model"):
            asking.model(name)
        case = question_case(dialog_image, name, prompt)
    except BadModel as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
        return None
    except BlindspotError as error:
        last = st.session_state.get(last_key)
        more = f" Shown below is the answer to “{last}”." if last else ""
        st.error(escape_markdown(f"{error}{more}"), icon=":material/error:")
        return question_case(dialog_image, name, last) if last else None
    st.session_state[last_key] = prompt
    return case


def question_case(dialog_image: DialogImage, name: str, prompt: str) -> CaptionCase:
    """A prompt about what is shown. Raises BlindspotError."""
    if dialog_image.scene is not None:
        return asking.about_scene(name, dialog_image.scene, prompt)
    if dialog_image.picture is None or dialog_image.crop is None:
        raise BlindspotError("There is no picture: choose one in the sidebar.")
    return asking.about_picture(name, dialog_image.picture, dialog_image.crop, prompt)
