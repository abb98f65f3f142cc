"""How a person's own weights take images: tried on labeled ones, or stated."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from components import runs
from components.notices import escape_markdown, show_problems
from engine.core.errors import BadModel
from engine.core.result import Table
from engine.core.run import Answer
from engine.vision.data.judged_data import typed_order
from engine.vision.models.classifier import Classifier
from engine.vision.models.format_rounds import CHANNELS, SECONDS, Order
from engine.vision.models.format_search import FormatCase, FormatSearch, formats_in
from engine.vision.models.input_format import NORMALIZATIONS, SIDES, InputFormat, input_channels
from engine.vision.shares import wilson

MOSTLY = 0.5  # right answers from which an order of classes is suggested
OTHER = "another format"
AS_IN_THE_DATA = "as in the data"
SUGGESTED = "as the answers suggest"
TYPED = "in an order of your own"
STATED = "mean and spread of your own"
ON_TRAINING = (
    "Tried on training images; test images were not looked at. The best of many is a little too "
    "good by choice: compare it with the next."
)


def tried_formats(case: FormatCase, key: str) -> Answer | None:
    """The formats that were tried; None while they are, with progress and Stop."""
    outcome = runs.ask(FormatSearch(), case, f"{key}.FormatSearch")
    if isinstance(outcome, Answer):
        return outcome
    runs.watch([outcome])
    return None


def choose_tried(
    answer: Answer, case: FormatCase, names: Sequence[str], key: str
) -> tuple[InputFormat, Order] | None:
    """The format and the order of classes that the person chooses among those that were tried."""
    table: Table = answer["formats"]
    tried = formats_in(table)
    begin_anew(str(answer.record["digest"]), key)
    format_by_words = {input_format.words: input_format for input_format in tried}
    draw_table(table, case, names)
    st.caption(ON_TRAINING + left_out(answer["tried"]))
    chosen = choose_word("Input format", [*format_by_words, OTHER], f"{key}.format")
    chosen_format = (
        format_by_words[chosen]
        if chosen in format_by_words
        else state_format(tried[0], key, case.model)
    )
    orders = dict(zip((AS_IN_THE_DATA, *names), case.every_order, strict=True))
    if suggests(answer["formats"], len(case.every_order)):
        orders[SUGGESTED] = tuple(int(place) for place in answer["order"]["class"])
    order = choose_order(orders, table, case.data.classes, key)
    return None if chosen_format is None or order is None else (chosen_format, order)


def choose_order(
    orders: Mapping[str, Order], table: Table, classes: Sequence[str], key: str
) -> Order | None:
    """The class of each output, as the person chooses or types it; None for what is no order."""
    right = {
        name: int(table["right by assignment" if name == SUGGESTED else f"right {number}"][0])
        for number, name in enumerate(orders)
    }
    first = max(right, key=lambda name: right[name])
    name = choose_word("Order of the classes", [*orders, TYPED], f"{key}.order", first)
    if name == TYPED:
        return type_order(orders[first], classes, key)
    if name == SUGGESTED:
        several = ", ".join(classes[place] for place in orders[name][:12])
        several += " …" if len(classes) > 12 else ""
        guess = "This order was found from the model's own answers, so it is a guess: "
        st.caption(escape_markdown(guess + several))
    return orders[name]


def type_order(start: Order, classes: Sequence[str], key: str) -> Order | None:
    """An order that the person types, beginning with another; None where it is none."""
    text = "\n".join(classes[place] for place in start)
    typed = st.text_area(
        "Classes, one a line",
        text,
        key=f"{key}.typed",
        max_chars=2 * len(text) + 100,
        help="The class of the model's first output, then of its second, and so on.",
    )
    with show_problems():
        return typed_order(typed, classes)


def left_out(tried: Table) -> str:
    count, planned = int(tried["tried"][0]), int(tried["planned"][0])
    if count >= planned:
        return ""
    return (
        f" Only {count} of {planned} formats were tried, since more would take longer than "
        f"{SECONDS / 60:.0f} minutes: if none is right, choose “{OTHER}” and state it."
    )


def begin_anew(digest: str, key: str) -> None:
    """Let go of what was chosen for another model or other images: the best is chosen first."""
    if st.session_state.get(f"{key}.of") == digest:
        return
    st.session_state[f"{key}.of"] = digest
    for name in ("format", "order", "typed", "side", "normalization", "channels", "Mean", "Spread"):
        st.session_state.pop(f"{key}.{name}", None)


def draw_table(table: Table, case: FormatCase, names: Sequence[str]) -> None:
    columns = {AS_IN_THE_DATA: "right 0"}
    columns |= {name: f"right {number}" for number, name in enumerate(names, 1)}
    if suggests(table, len(case.every_order)):
        columns[SUGGESTED] = "right by assignment"
    rows = [
        {"Format": words, **{name: accuracy_text(table, row, of) for name, of in columns.items()}}
        for row, words in enumerate(table.rows)
    ]
    st.dataframe(
        rows, hide_index=True, alt=f"Table of {len(rows)} input formats and right answers in each"
    )


def accuracy_text(table: Table, row: int, column: str) -> str:
    right, images = int(table[column][row]), int(table["images"][row])
    low, high = wilson(right, images)
    return f"{100 * right / images:.0f} % ({100 * low:.0f}–{100 * high:.0f}) of {images}"


def suggests(table: Table, orders: int) -> bool:
    """Whether an order that nobody names fits clearly better than all that have a name.

    It must make most images right: an untrained network, too, tells some classes apart.
    """
    images = int(table["images"][0])
    best_named = max(int(table[f"right {number}"][0]) for number in range(orders))
    low, _ = wilson(int(table["right by assignment"][0]), images)
    return low > max(wilson(best_named, images)[1], MOSTLY)


def state_format(start: InputFormat, key: str, model: Classifier) -> InputFormat | None:
    """A format that the person states, beginning with another; None where it cannot be."""
    count = input_channels(model.network)
    channels_offered = CHANNELS if count > 1 else ("gray",)
    left, middle, right = st.columns(3)
    side = int(left.number_input("Side (px)", *SIDES, start.side, key=f"{key}.side"))
    normalizations = [*NORMALIZATIONS, STATED]
    normalization_name = start.normalization
    first = (
        normalizations.index(normalization_name)
        if normalization_name in NORMALIZATIONS
        else len(NORMALIZATIONS)
    )
    name = middle.selectbox("Normalization", normalizations, first, key=f"{key}.normalization")
    channels = right.selectbox(
        "Channels", channels_offered, channels_offered.index(start.channels), key=f"{key}.channels"
    )
    mean, std = NORMALIZATIONS.get(name, (start.mean, start.std))
    with show_problems():
        if name == STATED:
            mean, std = (
                three_numbers(label, values, f"{key}.{label}", count)
                for label, values in (("Mean", mean), ("Spread", std))
            )
        return InputFormat(side, mean, std, channels)


def three_numbers(label: str, start: Sequence[float], key: str, count: int) -> Any:
    per_channel = ", or one for each channel" if count > 1 else ""
    typed = st.text_input(
        label,
        " ".join(f"{value:g}" for value in start[:count]),
        key=key,
        max_chars=80,
        help=f"Of pixels from 0 to 1: one number{per_channel}.",
    )
    try:
        values = [float(word) for word in typed.replace(",", " ").split()]
    except ValueError as error:
        raise BadModel(f"{label}: “{typed[:40]}” are no numbers.") from error
    if len(values) not in {1, count}:
        raise BadModel(f"{label}: give one number{per_channel}; this network takes {count}.")
    return tuple(values * 3 if len(values) == 1 else values)


def choose_word(label: str, offered: Sequence[str], key: str, first: str = "") -> str:
    """One of some words; kept as long as it is offered, and in no link."""
    if st.session_state.get(key) not in offered:
        st.session_state[key] = first or offered[0]
    return str(st.selectbox(label, offered, key=key))


def neighbors(start: InputFormat, sides: Sequence[int]) -> list[InputFormat]:
    """A few formats beside one, of which one is likely: other sizes and normalizations."""
    sized = [replace(start, side=side) for side in sides]
    normalized = [replace(start, mean=mean, std=std) for mean, std in NORMALIZATIONS.values()]
    return list(dict.fromkeys([start, *sized, *normalized, replace(start, channels="BGR")]))
