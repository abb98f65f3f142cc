"""What is scored: a class, or how similar the image is to a second one."""

from dataclasses import replace

import streamlit as st

from components.notices import escape_markdown
from components.picks import pick
from components.sidebar import partners
from components.sidebar.subject import Second, Subject
from components.widgets.pictures import show_picture
from engine.core.errors import BadModel
from engine.vision.case import ImageCase, model_input, similarity_case
from engine.vision.images import Crop

CLASS, SIMILARITY = "a class", "similarity to another image"
SIDE = 160  # px of the second image
HELP = (
    "A class: what speaks for the class chosen in the sidebar. Similarity: what makes the model's "
    "features of this image like those of a second one, whatever class it sees (cosine)."
)


def choose(subject: Subject) -> Subject:
    """The subject with the score that was chosen; as it was where the model has no features."""
    if pick("Score", (CLASS, SIMILARITY), "heatmaps.score", "segments", help=HELP) == CLASS:
        return subject
    choice, picture = st.columns([3, 1])
    with choice:
        other = partners.ask_one(partners.partner_form(ImageCase, "heatmaps", subject), "like")
        with st.expander("Other images of yours"):
            partners.open_own()
    show_picture(other.thumbnail(SIDE), f"{other.title}, its middle square", place=picture)
    image_case = subject.case
    pixels = model_input(other.picture, Crop(), image_case.model)
    try:
        case = similarity_case(
            image_case.model, image_case.image, pixels, image_case.precision, image_case.seed
        )
    except BadModel as error:
        st.info(escape_markdown(str(error)))
        return subject
    return replace(subject, case=case, second=Second(other.title, other.name, image_case))
