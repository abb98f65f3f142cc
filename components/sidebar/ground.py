"""What the maps of an answer lie over: the image as the model saw it, as sharp as it is here."""

from typing import Any

import numpy as np
import streamlit as st

from components.sidebar.subject import Subject, square_behind, square_pixels
from components.widgets.as_seen import MapGround
from engine.core.pictures import as_bytes


def ground_of(case: Any) -> MapGround | None:
    """The image of a case at its own resolution; None where the case has none.

    An image that is not the subject's has the model's working size.
    """
    image = getattr(case, "image", None)
    if image is None or getattr(image, "ndim", 0) != 3:
        return None
    subject: Subject | None = st.session_state.get("subject")
    if subject is not None and np.array_equal(subject.case.image, image):
        return MapGround(
            square_pixels(subject), square_behind(subject), subject.mask, crop_words(subject)
        )
    return MapGround(as_bytes(image))


def crop_words(subject: Subject) -> str:
    height, width = subject.picture.pixels.shape[:2]
    if height == width:
        return f"The whole image, {width} × {height} px."
    place = "" if (subject.crop.x, subject.crop.y) == (0.5, 0.5) else " that was chosen"
    side = min(height, width)
    return f"The square{place} of {width} × {height} px: {side} × {side} px."
