"""What every layer of a model would have said in the place of each word of its answer."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from components.links import let_go
from engine.core.charts.drawing import Drawing, Views, Words
from engine.core.charts.matrix import Matrix
from engine.core.result import Ranking, Table

WORDS_AT_ONCE = 10  # words at a time
LENS = "lens "  # how the views begin that hold what a layer would have said


def layers_of(answer: Views) -> list[Ranking]:
    """The best words of every layer, the last one first."""
    return [answer[name] for name in reversed(list(answer)) if name.startswith(LENS)]


def lens(
    answer: Views, numbered: Sequence[str], key: str, words: Words, early: Sequence[int] = ()
) -> Drawing:
    """A square for each layer and word, with the word that the layer likes best.

    Args:
        answer: it has the views "lens 0" to "lens L".
        numbered: the answer's words with their places.
        key: of the slider that moves along a long answer.
        words: what is found.
        early: a layer for each word, which is outlined.
    """
    layers = layers_of(answer)
    count = len(layers)
    rows = tuple(layer_name(at, count) for at in reversed(range(count)))
    part = window(numbered, key)
    values = np.stack([layer.values[part, 0] for layer in layers])
    table = Table.grid(values, rows, tuple(numbered[part]), ("probability",) * values.shape[1])
    chart = Matrix(
        span=(0, 1),
        bar="probability",
        x_title="the answer's words",
        texts=[[best[0] for best in layer.labels[part]] for layer in layers],
        outlined=[(count - 1 - layer, at) for at, layer in enumerate(early[part])],
        height=180 + 40 * count,
    )
    name = f"{LENS}{count - 1}"
    return Drawing(name, "What each layer would have said", chart, words, part=lambda _: table)


def window(names: Sequence[str], key: str) -> slice:
    """The words that are drawn: of a long answer so many at a time, from where one chooses."""
    if len(names) <= WORDS_AT_ONCE:
        return slice(None)
    starts = names[: len(names) - WORDS_AT_ONCE + 1]
    let_go(key, starts)
    first = starts.index(st.select_slider(f"{WORDS_AT_ONCE} words, from", starts, key=key))
    return slice(first, first + WORDS_AT_ONCE)


def layer_name(layer: int, count: int) -> str:
    if layer == 0:
        return "the word before it"
    return f"layer {layer}" + (" (the last)" if layer == count - 1 else "")


def late(layers: Sequence[Ranking]) -> str:
    """How many of the last layer's favorites no earlier one had; layers the last first."""
    last, *earlier = [[words[0] for words in layer.labels] for layer in layers]
    new_count = sum(not earlier or earlier[0][place] != word for place, word in enumerate(last))
    return (
        f"{new_count} of {len(last)} favorites of the last layer are its own: the layer before it "
        "had another word on top."
    )
