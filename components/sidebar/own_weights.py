"""Weights of a person's own: one form that opens them, names them and asks them at once.

The name is for this session: no link, job or record has it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from components import input_formats, presence, uploads
from components.notices import escape_markdown
from engine.core.errors import BadData, BlindspotError
from engine.core.keeping.budget import book
from engine.vision.case.in_formats import answers_in_formats
from engine.vision.data import DataSet
from engine.vision.data.judged_data import plausible_orders, read_training, reorder_classes
from engine.vision.images import Crop, Picture
from engine.vision.models.classifier import Classifier
from engine.vision.models.format_search import FormatCase
from engine.vision.models.input_format import InputFormat, format_of, with_format
from engine.vision.models.own_file import called_by_weights, open_model, read_labels
from engine.vision.models.rebuild import has_card

KEY = "models"
MOST_MB = 500  # of weights
LABELS_MB = 1
IMAGES_MB = uploads.MOST_MB
ARCHITECTURES = (
    "For weights alone: a name of timm's, or one for 32 px such as cifar_resnet18, cifar_resnet20 "
    "or cifar_vgg16_bn. A model that Blindspot exported says it itself, and so does an ONNX file, "
    "which gives answers only."
)
FROM_LIST = "from the list"  # instead of a model of one's own
NAME_LETTERS = 40
SIDES = (28, 32, 64, 96, 128, 160, 224)  # that a picture is tried at


def session_models() -> dict[str, Classifier]:
    """The person's models of this session, by their names in links and records."""
    uploaded_models: dict[str, Classifier] = st.session_state.setdefault(f"{KEY}.own", {})
    return uploaded_models


def file_notes() -> dict[str, dict[str, str]]:
    """What the page says of each: "title", "file" and "format"."""
    notes: dict[str, dict[str, str]] = st.session_state.setdefault(f"{KEY}.notes", {})
    return notes


def model_title(name: str) -> str:
    return file_notes().get(name, {}).get("title") or session_models()[name].title


def choose_own() -> Classifier | None:
    """The person's own model that is asked; None where there is none, or the list counts."""
    uploaded_models = session_models()
    if not uploaded_models:
        return None
    titles = {model_title(name): name for name in uploaded_models}
    offered = [*titles, FROM_LIST]
    if st.session_state.get(f"{KEY}.whose") not in offered:
        st.session_state[f"{KEY}.whose"] = FROM_LIST
    chosen = st.radio("Which model", offered, key=f"{KEY}.whose", label_visibility="collapsed")
    return uploaded_models[titles[chosen]] if chosen in titles else None


def draw_form() -> None:
    """The form; what was wrong with the last file stands below it."""
    st.caption("Weights as .safetensors or .pt (a state_dict), or .onnx; code is never run.")
    with st.form(f"{KEY}.form", border=False):
        st.file_uploader("Weights", key=f"{KEY}.weights", max_upload_size=MOST_MB)
        st.text_input("Architecture", placeholder="resnet18", key=f"{KEY}.arch", help=ARCHITECTURES)
        st.text_input(
            "Call it (optional)",
            key=f"{KEY}.called",
            max_chars=NAME_LETTERS,
            help="In this session only: no link and no record has the name.",
        )
        st.file_uploader(
            "Labels, one a line (optional)", key=f"{KEY}.labels", max_upload_size=LABELS_MB
        )
        st.form_submit_button("Open and ask it", key=f"{KEY}.open", on_click=open_weights)
    if problem := st.session_state.get(f"{KEY}.problem"):
        st.error(escape_markdown(problem), icon=":material/error:")


def open_weights() -> None:
    presence.arrive()
    values = {name: st.session_state.get(f"{KEY}.{name}") for name in ("weights", "arch", "called")}
    st.session_state[f"{KEY}.problem"] = ""
    if values["weights"] is None:
        st.session_state[f"{KEY}.problem"] = "Give a file of weights."
        return
    try:
        keep_model(*read_weights(values["weights"], (values["arch"] or "").strip()))
    except BlindspotError as error:
        st.session_state[f"{KEY}.problem"] = str(error)


def read_weights(file: Any, architecture: str) -> tuple[Classifier, dict[str, str]]:
    filename, content = safe_name(file.name), file.getvalue()
    uploaded = st.session_state.get(f"{KEY}.labels")
    labels = () if uploaded is None else read_labels(uploaded.getvalue(), safe_name(uploaded.name))
    described = has_card(content, filename)
    model = open_model(content, filename, architecture, labels)
    stated = "its card says so" if described else "the usual one, until you state another"
    title = (st.session_state.get(f"{KEY}.called") or "").strip()
    return model, {"title": title, "file": file.name, "format": stated}


def keep_model(model: Classifier, note: Mapping[str, str]) -> None:
    """Keep it for this session under a title of its own, and choose it."""
    book(model.own_bytes, "This model").until_gone(model)
    title = note["title"] or model.title
    taken = {model_title(name) for name in session_models() if name != model.name} | {FROM_LIST}
    number = 2
    while title in taken:
        title = f"{note['title'] or model.title} ({number})"
        number += 1
    session_models()[model.name] = model
    file_notes()[model.name] = {**note, "title": title}
    st.session_state[f"{KEY}.whose"] = title


def safe_name(name: str) -> str:
    """A file name without any folder, as letters, digits, dots and dashes."""
    cleaned = "".join(c if c.isalnum() or c in ".-_" else "_" for c in Path(name).name)
    return cleaned[-60:] or "weights"


# ---------------------------------------------------------------- its input format


def draw_format(model: Classifier, picture: Picture, crop: Crop) -> None:
    """How the model takes images, from where that is known, and how to read it otherwise."""
    note = file_notes().get(model.name, {})
    st.caption(
        escape_markdown(
            f"From your file {note.get('file', '')[:60]} · takes {format_of(model).words} "
            f"({note.get('format', '')})."
        )
    )
    box = st.expander("Its input format", key=f"{KEY}.format.open", on_change="rerun")
    if not box.open:
        return
    with box:
        data = labeled_images()
        if data is None:
            input_format = input_formats.state_format(
                format_of(model), f"{KEY}.stated.{model.name}", model
            )
            how = "as you stated"
            compare(model, picture, crop)
            labels = model.labels
        else:
            tried = try_formats(model, data)
            input_format, labels = tried if tried else (None, model.labels)
            how = "right on your labeled images"
        if input_format is not None:
            st.button(
                "Read it so",
                key=f"{KEY}.read",
                type="primary",
                on_click=read_so,
                args=(model, input_format, labels, how),
            )
    if problem := st.session_state.get(f"{KEY}.format.problem"):
        st.error(escape_markdown(problem), icon=":material/error:")


def labeled_images() -> DataSet | None:
    file = st.file_uploader(
        "Labeled images (optional): zip of class folders",
        key=f"{KEY}.labeled",
        max_upload_size=IMAGES_MB,
        help="Some images that it learned from. Each plausible format is tried on them, and you "
        "see how many are right. They stay in this session's memory.",
    )
    if file is None:
        return None
    stored = st.session_state.get(f"{KEY}.labeled.data")
    if stored is None or stored[0] != file.file_id:
        try:
            content = file.getvalue()
            data = read_training(content, file.name).data
            stored = file.file_id, data, plausible_orders(data, content)
        except BadData as error:
            st.error(escape_markdown(str(error)), icon=":material/error:")
            return None
        st.session_state[f"{KEY}.labeled.data"] = stored
    data_set: DataSet = stored[1]
    return data_set


def try_formats(model: Classifier, data: DataSet) -> tuple[InputFormat, tuple[str, ...]] | None:
    """The format that the person chooses by its right answers, with the labels in that order."""
    orders = st.session_state[f"{KEY}.labeled.data"][2]
    try:
        case = FormatCase(model, data, tuple(orders.values()))
    except BlindspotError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
        return None
    answer = input_formats.tried_formats(case, f"{KEY}.labeled")
    if answer is None:
        return None
    chosen = input_formats.choose_tried(answer, case, list(orders), f"{KEY}.labeled")
    return chosen and (chosen[0], reorder_classes(data, chosen[1]).classes)


def compare(model: Classifier, picture: Picture, crop: Crop) -> None:
    if not st.toggle("How it answers this image in other formats", key=f"{KEY}.compare"):
        return
    formats = input_formats.neighbors(format_of(model), SIDES)
    rows = [
        {
            "Format": answer.format.words,
            "Sees": answer.label,
            "Probability": f"{answer.probability:.0%}",
        }
        for answer in answers_in_formats(model, picture, crop, formats)
    ]
    st.dataframe(rows, hide_index=True, alt=f"Table of answers in {len(rows)} input formats")
    st.caption("A sure answer is no proof of the right format: labeled images are.")


def read_so(
    model: Classifier, input_format: InputFormat, labels: tuple[str, ...], how: str
) -> None:
    st.session_state[f"{KEY}.format.problem"] = ""
    presence.arrive()
    note = file_notes().pop(model.name, {})
    session_models().pop(model.name)
    try:
        other = with_format(model, input_format)
        other = called_by_weights(other if other is not model else model.twin())
        other.labels = labels
        keep_model(other, {"title": "", "file": "", **note, "format": how})
    except BlindspotError as error:  # it is no such format, or there is no memory for a copy
        session_models()[model.name] = model
        file_notes()[model.name] = note
        st.session_state[f"{KEY}.format.problem"] = str(error)
