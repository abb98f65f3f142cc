"""What a link asks for and cannot have is said until it is set anew; what is gone is let go of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from math import isinf
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitAPIException

from components.notices import plain

PLACE: ContextVar[DeltaGenerator | None] = ContextVar("place", default=None)
LONGEST = 40  # letters of what a link asked for that are repeated
MOST_VALUES = 100  # that a link may carry under one name
MOST_LETTERS = 10_000  # of such a value, and of a name
BOUND, BOUND_PAGE = "links.bound", "links.bound.page"  # what is said of a longer link, and where


def refuse(
    key: str, allowed: Collection[str] | Callable[[str], bool], name: str, rule: str
) -> None:
    """Say what is ignored; called before the widget of that key, which drops it in silence."""
    held: dict[str, tuple[str, list[str]]] = st.session_state.setdefault("links.refused", {})
    allows = allowed if callable(allowed) else allowed.__contains__
    asked = st.query_params.get_all(key)
    wrong: list[str] = []
    rest: list[str] = []
    for word in asked:
        (rest if allows(word) else wrong).append(word)
    if wrong:
        words = f"The link asks for “{wrong[0][:LONGEST]}” as {name}; it is ignored, "
        held[key] = (words + f"because it must be {rule}.", rest)
    elif key in held and asked != held[key][1]:
        del held[key]
    if any(map(is_endless, wrong)):
        with suppress(StreamlitAPIException):  # a widget that is there already sees to the link
            del st.query_params[key]
            st.rerun()
    if key in held:
        (PLACE.get() or st).info(plain(held[key][0]), icon=":material/link_off:")


def bound() -> None:
    """Drop what is too much of a link, before anything reads it."""
    link = {name: st.query_params.get_all(name) for name in st.query_params}
    dropped = ""
    for name, values in link.items():
        if len(values) > MOST_VALUES or max(map(len, [name, *values])) > MOST_LETTERS:
            with suppress(StreamlitAPIException):  # a widget there bounds what it writes itself
                del st.query_params[name]
                dropped = name
    if dropped:
        words = f"{len(link[dropped]):,} values" if len(link[dropped]) > 1 else "a very long value"
        st.session_state[BOUND] = (
            f"The link has {words} for “{dropped[:LONGEST]}”. They are ignored: at most "
            f"{MOST_VALUES} values of {MOST_LETTERS:,} letters are read."
        )
        st.session_state.pop(BOUND_PAGE, None)
        st.rerun()


def say_bound(page: str) -> None:
    """Say on the page that was opened by such a link what was dropped of it."""
    if BOUND in st.session_state and st.session_state.setdefault(BOUND_PAGE, page) == page:
        st.info(plain(st.session_state[BOUND]), icon=":material/link_off:")


def is_endless(word: str) -> bool:
    """Whether it is read as an infinite number, at which Streamlit's number widgets fail."""
    try:
        return isinf(float(word))
    except ValueError:
        return False


@contextmanager
def refusals_here() -> Iterator[None]:
    """What is refused in the block, such as in a folded form, is said above the block."""
    place = PLACE.set(st.container())
    try:
        yield
    finally:
        PLACE.reset(place)


def accept(key: str) -> None:
    """Say no longer that what the link asked for there cannot be had: now it can."""
    st.session_state.get("links.refused", {}).pop(key, None)


def let_go(key: str, offered: Iterable[Any], first: Any = None) -> None:
    """Where a widget has what is no longer offered, such as a layer of another model: the first.

    Called before the widget, which then shows it; the link lets go of it too. To delete what it
    has would not do: the browser would go on showing that.

    Args:
        key: of the widget.
        offered: what can be chosen now.
        first: what it begins with, where that is not the first that is offered.
    """
    there = list(offered)
    if st.session_state.get(key) not in [None, *there]:
        st.session_state[key] = there[0] if first is None else first
