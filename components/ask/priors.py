"""What the model says without looking, in one click."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from components import runs
from components.ask import charts
from components.ask.charts import Floats
from components.ask.question import Told, tidy
from components.ask.scene import KEY
from components.notices import plain
from components.sidebar.pictures import enlarged
from components.widgets.pictures import show_picture
from engine.hallucination import asking
from engine.hallucination.claims import telling
from engine.hallucination.priors import Priors
from engine.pictures import as_bytes
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
    shown = telling(told.tokens.words) or list(range(len(found.order)))
    columns = [found.order[place] for place in shown]
    values = np.stack([np.asarray(found[name], np.float32) for name in columns], 1)
    words = [told.tokens.words[place] for place in shown]
    st.markdown(f"**{plain(survivors(words, values, found.rows))}**")
    pictures = asking.looked_away(case, method)
    says = dict(zip(found.rows, found.notes, strict=True))
    for column, (name, image) in zip(st.columns(len(pictures)), pictures, strict=True):
        shown_name = NAMES.get(name, name)
        show_picture(enlarged(as_bytes(image)), f"The image: {shown_name}", place=column, width=140)
        column.caption(f"{NAMES.get(name, name)}: {plain(f'“{tidy(says[name])}”')}")
    rows = [NAMES.get(name, name) for name in found.rows]
    charts.strip(
        rows, columns, values,
        "How likely each word is in each picture, behind the same words. ✓: it survives there, "
        "with at least half of the probability that it has in this image.",
        f"{KEY}.strip",
    )  # fmt: skip
    with st.expander("What am I looking at?"):
        st.markdown(method.about())


def survivors(words: Sequence[str], values: Floats, rows: Sequence[str]) -> str:
    """Which words are said anyway, in how many of the pictures that show nothing."""
    blind = [at for at, name in enumerate(rows) if name not in {"this image", SWAPPED}]
    lasting = values[blind] >= values[:1] / 2  # (pictures, words)
    if len(words) == 1:
        names = [NAMES[rows[at]] for at, ok in zip(blind, lasting[:, 0], strict=True) if ok]
        where = f": {', '.join(names)}" if names else ""
        return f"“{words[0]}” survives in {len(names)} of {len(blind)} that show nothing{where}."
    often = (2 * lasting.sum(0) >= len(blind)).tolist()
    kept = [word for word, stays in zip(words, often, strict=True) if stays]
    quoted = ", ".join(f"“{word}”" for word in dict.fromkeys(kept))
    return (
        f"{len(kept)} of {len(words)} words that say something of the image survive in at least "
        f"half of the {len(blind)} that show nothing{f': {quoted}' if kept else ''}."
    )
