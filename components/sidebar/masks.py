"""The known truth of an image of one's own: a second file that says where it is."""

import streamlit as st

from components.notices import escape_markdown
from engine.core.errors import BadImage, BlindspotError
from engine.vision.data.example import Mask
from engine.vision.images import MAX_MB, Picture, Scan, SliceChoice, load
from engine.vision.images.masks import mask_of

HELP = (
    "A picture or scan of the same size, in which what is bright (above the middle of its range) "
    "marks what makes the image's class, such as a lesion. A black one says that nothing is there. "
    "Of a volume the same slice is taken. Maps are then scored against it."
)


def choose(picture: Picture, view: SliceChoice | None) -> Mask | None:
    """The mask of the picture, (H, W); None when none was opened, or it does not fit."""
    with st.expander("Known truth"):
        uploaded = st.file_uploader(
            "Open a mask", type=None, key="subject.mask", help=HELP, max_upload_size=MAX_MB
        )
        if uploaded is None:
            return None
        try:
            mask = mask_of(
                open_mask_file(uploaded.getvalue(), uploaded.name), view, picture, empty=True
            )
        except BlindspotError as error:
            st.error(escape_markdown(str(error)), icon=":material/error:")
            return None
        if not mask.any():
            st.caption("The mask is black here: it says that nothing is there.")
        return mask


def open_mask_file(data: bytes, name: str) -> Picture | Scan:
    """The file, read once for as long as it is the one that is open."""
    stored = st.session_state.get("masks.held")
    if stored is None or stored[0] != data:
        try:
            stored = data, load(data, name)
        except BadImage:
            st.session_state.pop("masks.held", None)
            raise
        st.session_state["masks.held"] = stored
    result: Picture | Scan = stored[1]
    return result
