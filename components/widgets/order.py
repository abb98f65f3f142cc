"""A list in an order: rows are dragged, or moved by arrow keys or buttons (order.js)."""

from collections.abc import Callable, Sequence

import streamlit as st

from components.widgets.mounting import mounted


def draw_order(
    words: Sequence[str], label: str, key: str, on_move: Callable[[list[str]], None]
) -> None:
    """Draw the words, one below the other.

    Args:
        words: in their order, each of them once.
        label: what the list is, for those who do not see it.
        key: of the widget.
        on_move: is told the same words in their new order, before the page runs again.
    """

    def moved() -> None:
        """Nothing is taken from the browser but an order of the words that it was given."""
        new_order = st.session_state[key]["order"]
        is_word_list = isinstance(new_order, list) and all(
            isinstance(entry, str) for entry in new_order
        )
        if is_word_list and sorted(new_order) == sorted(words):
            on_move(new_order)

    mounted(__file__)(data={"words": list(words), "label": label}, key=key, on_order_change=moved)
