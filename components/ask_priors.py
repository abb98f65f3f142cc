"""What the model says without looking, in one click."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from components import ask_charts, runs
from components.ask import Told
from components.ask_charts import Floats
from components.ask_scene import KEY
from components.notices import plain
from components.pictures import enlarged
from engine.hallucination import asking
from engine.hallucination.priors import Priors
from engine.result import Columns
from engine.run import Answer

SWAPPED = "another scene"
NAMES = {
    "blank": "a blank picture",
    "noise": "pure noise",
    "noised": "this image, deep in noise",
    SWAPPED: SWAPPED,
    "no image": "no picture at all",
}


def show(told: Told) -> None:
    """The test, once it was asked for."""
    if told.picked is None:
        return
    method = Priors()
    case = told.picked
    if told.shown.other is not None:
        case = asking.held_against(case, [(SWAPPED, asking.pixels(told.shown.other))])
    outcome = runs.ask_when_told(method, case, f"{KEY}.priors", "Take the image away")
    if outcome is None:
        st.caption("Asks the same of a blank picture, of noise, of another image and of none.")
        return
    if not isinstance(outcome, Answer):
        runs.watch([outcome])
        return
    found: Columns = outcome["words"]
    values = np.stack([np.asarray(found[name], np.float32) for name in found.order], 1)
    words = survivors(told.tokens.words, values, found.rows)
    st.markdown(f"**{plain(words)}**")
    pictures = asking.looked_away(case, method)
    says = dict(zip(found.rows, found.notes, strict=True))
    for column, (name, image) in zip(st.columns(len(pictures)), pictures, strict=True):
        pixels = np.rint(image.permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        column.image(enlarged(pixels), width=140, output_format="PNG")
        column.caption(f"{NAMES.get(name, name)}: {plain(f'“{says[name]}”')}")
    rows = [NAMES.get(name, name) for name in found.rows]
    ask_charts.strip(rows, found.order, values, words, f"{KEY}.strip")
    st.caption("✓: the word survives, with at least half of the probability it has in this image.")
    with st.expander("What am I looking at?"):
        st.markdown(method.about())


def survivors(words: Sequence[str], values: Floats, rows: Sequence[str]) -> str:
    """Which words are said anyway, without the image: in every picture that shows nothing."""
    blind = [at for at, name in enumerate(rows) if name not in {"this image", SWAPPED}]
    lasting = np.all(values[blind] >= values[:1] / 2, axis=0).tolist()
    kept = [f"“{word}”" for word, stays in zip(words, lasting, strict=True) if stays]
    if not kept:
        return "No word survives when the image is taken away: every one of them rests on it."
    if len(kept) == len(words):
        said = "the word survives" if len(words) == 1 else "all words survive"
        return f"With the image taken away, {said}: the model says this anyway."
    return f"{len(kept)} of {len(words)} words survive without the image: {', '.join(kept)}."
