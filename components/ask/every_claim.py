"""Evidence for everything that the answer claims, at once: a row of pictures for each thing."""

from functools import partial

import numpy as np
import streamlit as st

from components.ask.cause import image_arguments
from components.dialog.scene import KEY, DialogImage
from components.section import Section
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.pictures import Pixels, as_bytes
from engine.core.result import Pictures
from engine.hallucination import asking
from engine.hallucination.grounding.each_claim import (
    HIDDEN,
    OUT,
    EachClaim,
    claimed,
    is_there,
    verdict,
)
from engine.hallucination.grounding.word_case import WordCase

TITLE = "Everything it claims: what does each hang on?"
ORANGE = (230, 120, 0)
SMALL = 128  # px; larger pictures are thinned out
COLUMNS = ("as it is", "region hidden", "taken out")
FALLS = Dots(
    series={"probability": "as it is", "hidden": "region hidden", "taken out": "taken out"},
    joined=True,
    span=(-0.03, 1.03),
    title="probability of the word",
)


def show(dialog_image: DialogImage, picked: WordCase) -> None:
    scene = picked.scene
    if scene is None:
        without_it(
            "only in a drawn scene is the region of each thing known, and only there can a thing "
            "be taken out exactly. Of your own picture, hide a region below."
        )
    elif not claimed(picked):
        without_it("this answer claims no thing. Ask for a description.")
    elif not any(scene_object.opacity > 0 for scene_object in scene.things):
        without_it("nothing is to be seen in the scene, so there is nothing to hide or take out.")
    else:
        case = asking.each_claim(picked, scene)
        Section(
            KEY,
            EachClaim(),
            case,
            TITLE,
            known=image_arguments(dialog_image, "each", "hidden"),
            columns=1,
            evidence=(
                Drawing("claims", made=partial(pictures, case)),
                Drawing("claims", "How far each falls", FALLS, falls),
            ),
        ).show()


def without_it(why: str) -> None:
    st.markdown(f"**{TITLE}**")
    st.caption(f"Not available: {why}")


def pictures(case: WordCase, result: Views) -> Pictures:
    claims = result["claims"]
    others = dict(zip(case.names, case.others if case.others is not None else (), strict=True))
    rows, images, captions = [], [], []
    for row, (category, tried) in enumerate(zip(claims.rows, claims.notes, strict=True)):
        truth = "there" if is_there(case, claims, row) else "made up"
        about = "" if tried == category else f" ({tried} hidden and taken out)"
        rows.append(f"{category}, {truth}{about}: {verdict(case, claims, row)}")
        framed_image = framed(as_bytes(case.image), case, tried)
        images.append(
            [
                framed_image,
                *(
                    as_bytes(others.get(name, case.image))
                    for name in (f"the {tried}{HIDDEN}", OUT + tried)
                ),
            ]
        )
        original, *after = (
            100 * float(claims[name][row]) for name in ("probability", "hidden", "taken out")
        )
        captions += [
            f"{original:.0f} %",
            *(f"{share:.0f} % ({change(share - original)})" for share in after),
        ]
    step = max(1, case.image.shape[-1] // SMALL)
    grid = np.array(images)[:, :, ::step, ::step]
    words = (
        "The number is the probability of the word that claims the thing, behind the same words; "
        "in brackets, points gained or lost. Orange: the region."
    )
    return Pictures(grid, tuple(rows), COLUMNS, words, captions=tuple(captions))


def change(points: float) -> str:
    return f"{round(points):+d}".replace("-", "−") if round(points) else "±0"


def framed(image: Pixels, case: WordCase, category: str) -> Pixels:
    """The image (H, W, 3) with an orange line just around a thing's region."""
    mask = case.mask_of(category)
    if not mask.any():
        return image
    drawn, wide = image.copy(), max(1, image.shape[0] // 64)
    rows, columns = asking.box(mask)
    outer = [slice(max(span.start - wide, 0), span.stop + wide) for span in (rows, columns)]
    drawn[outer[0], outer[1]] = ORANGE
    drawn[rows, columns] = image[rows, columns]
    return drawn


def falls(result: Views) -> str:
    claims = result["claims"]
    lost = [round(100 * float(fall)) for fall in claims["owed to the thing"]]
    most, least = int(np.argmax(lost)), int(np.argmin(lost))
    category, tried = claims.rows[most], claims.notes[most]
    what = "it" if category == tried else f"the {tried}"
    words = f"The {category} loses {lost[most]} points when {what} is taken out"
    if most == least:
        return f"{words}."
    return f"{words}; the {claims.rows[least]} loses least, {lost[least]}."
