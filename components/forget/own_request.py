"""What models of one's own were to forget: whole classes, ids, or a zip of the images."""

from functools import partial
from hashlib import blake2b

import streamlit as st

from components import uploads
from components.forget.own_data import KEY
from components.open_file import open_file
from components.picks import pick
from engine.core.errors import BlindspotError
from engine.unlearning import ForgetRequest, brought, request
from engine.unlearning.brought import FoundImages
from engine.vision.data import DataSet

IDS_MB, PICTURES_MB = 5, 100
CLASSES, IDS, PICTURES = "whole classes", "images by id", "images in a zip"


def choose_request(data: DataSet) -> ForgetRequest | None:
    """The images that were to be forgotten; None until there are some."""
    match pick("To be forgotten", (CLASSES, IDS, PICTURES), f"{KEY}.what", "segments"):
        case what if what == CLASSES:
            words = st.multiselect("Classes", data.classes, key=f"{KEY}.classes")
            labels = [data.classes.index(word) for word in words if word in data.classes]
            forget_request = request.of_classes(data, labels) if labels else None
        case what if what == IDS:
            typed = st.text_input("Ids", placeholder="4, 17, 23", key=f"{KEY}.ids")
            file = open_file(
                "Or a file of ids, one a line",
                f"{KEY}.ids.file",
                lambda content: content.decode("utf-8", "replace"),
                most=IDS_MB,
                help="Text or CSV: one column of ids, or all in one line; a header line is "
                "skipped. A file is used instead of typed ids.",
            )
            if file and typed:
                st.caption("The ids of the file are used, not the typed ones.")
            text = (file or typed).strip()
            forget_request = brought.of_text(data, text) if text else None
        case _:
            forget_request = open_file(
                "Zip of the images",
                f"{KEY}.pictures",
                partial(found_in, data),
                most=PICTURES_MB,
                help="Pictures as the data were made of: each is looked for among the training "
                "images, pixel by pixel.",
            )
    if forget_request is None:
        st.info("Choose what was to be forgotten.")
    return forget_request


def found_in(data: DataSet, content: bytes) -> ForgetRequest:
    """The training images that a zip has. Raises BlindspotError."""
    digest = blake2b(content, key=data.fingerprint.encode(), digest_size=16).hexdigest()
    last: tuple[str, FoundImages | str] = st.session_state.get(f"{KEY}.searched", ("", ""))
    if last[0] != digest:
        with st.spinner("Looking for the images"):
            last = st.session_state[f"{KEY}.searched"] = digest, find_images(content, data)
    if isinstance(last[1], str):
        raise BlindspotError(last[1])
    uploads.skipped(last[1].skipped)
    return last[1].request


def find_images(content: bytes, data: DataSet) -> FoundImages | str:
    try:
        return brought.of_zip(data, content)
    except BlindspotError as error:
        return str(error)
