"""Choosing one of a few words, or a number: in the link, and let go of where it is not offered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from components.links import let_go, refuse


def pick_word(
    label: str, offered: Sequence[str], key: str, first: str = "", rule: str = "", named: str = ""
) -> str:
    """One of many words, from a list that opens.

    Args:
        label: of the list.
        offered: what can be chosen now.
        key: of the list, and in the link.
        first: what it begins with; the first one that is offered if not given.
        rule: what a link may ask for, in words.
        named: what a link's reader calls it, where that is not the label.
    """
    start = first or offered[0]
    held_back(named or label, offered, key, start, rule)
    return st.selectbox(label, offered, offered.index(start), key=key, bind="query-params")


def pick_segment(label: str, offered: Sequence[str], key: str, first: str = "") -> str:
    """One of a few words, all in sight."""
    start = first or offered[0]
    held_back(label, offered, key, start)
    return str(
        st.segmented_control(
            label, list(offered), default=start, required=True, key=key, bind="query-params"
        )
    )


def held_back(name: str, offered: Sequence[str], key: str, first: str, rule: str = "") -> None:
    """Say what a link asks for and cannot have, and let go of what is no longer offered."""
    refuse(key, offered, name, rule or "one of " + ", ".join(offered))
    let_go(key, offered, first)


def pick_number(label: str, count: int, key: str, step: int = 1) -> int:
    """A number from 0 to below a count."""
    refuse(key, below(count), label, f"from 0 to {count - 1}")
    let_go(key, range(count))
    return int(st.number_input(label, 0, count - 1, 0, step, key=key, bind="query-params"))


def below(count: int) -> Callable[[str], bool]:
    """Whether a word from a link is a whole number from 0 to below the count."""
    return lambda word: word.isdecimal() and int(word) < count
