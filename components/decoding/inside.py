"""Inside each strategy: what it keeps, weighs, takes back or subtracts."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import streamlit as st

from components import section
from components.decoding import experts, memory, over_trust, paths
from components.decoding.form import KEY, Compared, DecodedAnswer
from components.dialog import lens
from components.notices import escape_markdown
from components.section import Section
from components.sidebar.pictures import enlarged
from engine.core.charts.drawing import Drawing, Views
from engine.core.pictures import as_bytes
from engine.core.result import Path, Pictures
from engine.vision.language.tiny_vlm.words import tidy

WIDE = {"noised", "kept", "dropped"}  # views that are drawn over the whole width

Inside = Callable[[Compared, DecodedAnswer], Sequence[Drawing]]


def show(comparison: Compared) -> None:
    inner = [
        decoded for decoded in comparison.spoken if decoded.name in INSIDE and decoded.tokens.words
    ]
    if not inner:
        st.caption("Greedy decoding and sampling have nothing inside: a word is chosen, and done.")
        return
    for tab, decoded_answer in zip(
        st.tabs([decoded.title for decoded in inner]), inner, strict=True
    ):
        with tab:
            drawings = INSIDE[decoded_answer.name](comparison, decoded_answer)
            for across in (1, 2):
                part = [drawing for drawing in drawings if wide(drawing) == (across == 1)]
                section.side_by_side(
                    part, decoded_answer.answer, f"{KEY}.inside.{decoded_answer.name}", across
                )
            if decoded_answer.name in COUNTED and comparison.tiny:
                COUNTED[decoded_answer.name](comparison, decoded_answer).show()


def wide(drawing: Drawing) -> bool:
    return drawing.view in WIDE or drawing.view.startswith(lens.LENS)


def copies(comparison: Compared, decoded: DecodedAnswer) -> tuple[Drawing, ...]:
    step = decoded.method.settings()["step"]

    def beside(noised: Path) -> Pictures:
        images = [
            enlarged(as_bytes(pixels)) for pixels in (comparison.case.image, noised.frames[0])
        ]
        names = "What the model sees", f"The copy, noise step {step}"
        finding = f"What VCD subtracts is said of the copy, which is hidden at noise step {step}."
        return Pictures(np.stack(images)[None], ("",), names, finding)

    return (Drawing("noised", part=beside),)


def beams(_comparison: Compared, _decoded: DecodedAnswer) -> tuple[Drawing, ...]:
    return (
        Drawing(
            "beams",
            "The best whole answers, by their words' probabilities together",
            below=texts_of_beams,
        ),
    )


def texts_of_beams(views: Views) -> None:
    for place, text in enumerate(views["beams"].notes):
        st.markdown(f"{place + 1}. “{escape_markdown(tidy(text))}”")


def lenses(_comparison: Compared, decoded: DecodedAnswer) -> tuple[Drawing, ...]:
    early = decoded.answer["layers"]["early layer"].astype(int).tolist()
    return (lens.lens(decoded.answer, decoded.numbered, f"{KEY}.lens.from", lens_words, early),)


def lens_words(views: Views) -> str:
    return (
        "Each cell: what that layer would have said, in the color of how sure it is. Outlined: the "
        f"early layer that was subtracted. {lens.late(lens.layers_of(views))}"
    )


INSIDE: Mapping[str, Inside] = {
    "Beam": beams,
    "VCD": copies,
    "DoLa": lenses,
    "VASparse": memory.drawings,
    "OPERA": lambda result, decoded: (
        *over_trust.drawings(result, decoded),
        *beams(result, decoded),
    ),
    "MVP": paths.drawings,
    "SCMoE": experts.drawings,
}
COUNTED: Mapping[str, Callable[[Compared, DecodedAnswer], Section]] = {  # over many scenes
    "VASparse": memory.over_scenes,
    "MVP": paths.over_scenes,
}
