"""Inside each strategy: what it keeps, weighs, takes back or subtracts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import streamlit as st

from components import section
from components.decoding import memory, over_trust, paths
from components.decoding.form import KEY, Compared, Spoken
from components.draw.drawing import Drawing, Views
from components.draw.matrix import Matrix
from components.links import let_go
from components.notices import plain
from components.section import Section
from components.sidebar.pictures import enlarged
from engine.hallucination.tiny_vlm.words import tidy
from engine.pictures import as_bytes
from engine.result import Path, Pictures, Ranking, Table

SHOWN = 10  # words at a time
WIDE = {"noised", "kept", "dropped"}  # views that are drawn over the whole width
LENS = "lens "  # how the views begin that hold what a layer would have said

Inside = Callable[[Compared, Spoken], Sequence[Drawing]]


def show(found: Compared) -> None:
    """A tab for each chosen strategy that has something to show."""
    inner = [one for one in found.spoken if one.name in INSIDE and one.tokens.words]
    if not inner:
        st.caption("Greedy decoding and sampling have nothing inside: a word is chosen, and done.")
        return
    for tab, one in zip(st.tabs([one.title for one in inner]), inner, strict=True):
        with tab:
            drawings = INSIDE[one.name](found, one)
            for across in (1, 2):
                part = [drawing for drawing in drawings if wide(drawing) == (across == 1)]
                section.side_by_side(part, one.answer, f"{KEY}.inside.{one.name}", across)
            if one.name in COUNTED and found.tiny:
                section.show(COUNTED[one.name](found, one))


def wide(drawing: Drawing) -> bool:
    """Whether it is drawn over the whole width."""
    return drawing.view in WIDE or drawing.view.startswith(LENS)


def copies(found: Compared, one: Spoken) -> tuple[Drawing, ...]:
    """VCD: the clear image and the copy that it is held against."""
    step = one.method.settings()["step"]

    def beside(noised: Path) -> Pictures:
        images = [enlarged(as_bytes(each)) for each in (found.case.image, noised.frames[0])]
        names = "What the model sees", f"The copy, noise step {step}"
        finding = f"What VCD subtracts is said of the copy, which is hidden at noise step {step}."
        return Pictures(np.stack(images)[None], ("",), names, finding)

    return (Drawing("noised", part=beside),)


def beams(_found: Compared, _one: Spoken) -> tuple[Drawing, ...]:
    """The answers that were kept open to the end."""
    return (
        Drawing("beams", "The best whole answers, by their words' probabilities together",
                below=texts_of_beams),
    )  # fmt: skip


def texts_of_beams(views: Views) -> None:
    """The answers in words, the best first."""
    for place, text in enumerate(views["beams"].notes):
        st.markdown(f"{place + 1}. “{plain(tidy(text))}”")


def lenses(_found: Compared, one: Spoken) -> tuple[Drawing, ...]:
    """DoLa: what each layer would have said, and the early one that was subtracted."""
    names = [name for name in one.answer if name.startswith(LENS)]
    layers: list[Ranking] = [one.answer[name] for name in reversed(names)]
    rows = tuple(layer_name(at, len(names)) for at in reversed(range(len(names))))
    words = window(one.numbered)
    early = one.answer["layers"]["early layer"].astype(int)[words].tolist()
    values = np.stack([layer.values[words, 0] for layer in layers])
    lens = Table.grid(values, rows, tuple(one.numbered[words]), ("probability",) * values.shape[1])
    chart = Matrix(
        span=(0, 1), bar="probability", x_title="the answer's words",
        texts=[[best[0] for best in layer.labels[words]] for layer in layers],
        outlined=[(len(names) - 1 - layer, at) for at, layer in enumerate(early)],
        height=180 + 40 * len(names),
    )  # fmt: skip
    return (
        Drawing(names[-1], "What each layer would have said", chart, lambda _: lens_words(layers),
                part=lambda _: lens),
    )  # fmt: skip


def window(names: Sequence[str]) -> slice:
    """The words that are drawn: of a long answer so many at a time, from where one chooses."""
    if len(names) <= SHOWN:
        return slice(None)
    key, starts = f"{KEY}.lens.from", names[: len(names) - SHOWN + 1]
    let_go(key, starts)
    first = starts.index(st.select_slider(f"{SHOWN} words, from", starts, key=key))
    return slice(first, first + SHOWN)


def layer_name(layer: int, count: int) -> str:
    """What a row is."""
    if layer == 0:
        return "the word before it"
    return f"layer {layer}" + (" (the last)" if layer == count - 1 else "")


def lens_words(layers: Sequence[Ranking]) -> str:
    """How many of the last layer's favorites no earlier one had, and what is outlined.

    Args:
        layers: the best words of each place, the last layer first.
    """
    last, *earlier = [[words[0] for words in layer.labels] for layer in layers]
    late = sum(not earlier or earlier[0][place] != word for place, word in enumerate(last))
    return (
        "Each cell: what that layer would have said, in the color of how sure it is. Outlined: the "
        f"early layer that was subtracted. {late} of {len(last)} favorites of the last layer are "
        "its own: the layer before it had another word on top."
    )


INSIDE: Mapping[str, Inside] = {
    "Beam": beams,
    "VCD": copies,
    "DoLa": lenses,
    "VASparse": memory.drawings,
    "OPERA": lambda found, one: (*over_trust.drawings(found, one), *beams(found, one)),
    "MVP": paths.drawings,
}
COUNTED: Mapping[str, Callable[[Compared, Spoken], Section]] = {  # over many scenes
    "VASparse": memory.over_scenes,
    "MVP": paths.over_scenes,
}
