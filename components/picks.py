"""One of a few words, or a number, in the link: it can ask for one, and is told where it cannot."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

import streamlit as st

from components import own_words
from components.links import let_go, refuse
from engine.core.whole import whole_number

TRUTH = ("true", "false")  # how a link says yes and no
LONGEST_TEXT = 1000  # letters of a text from a link
Kind = Literal["list", "radio", "pills", "segments", "slider"]
WordT = TypeVar("WordT")


def pick(
    label: str,
    offered: Sequence[WordT],
    key: str,
    kind: Kind = "list",
    *,
    first: WordT | None = None,
    name: str = "",
    rule: str = "",
    help: str | None = None,
    kept: bool = False,
    **more: Any,
) -> WordT:
    """The word that is chosen.

    Args:
        label: of the widget.
        offered: the words; where the one that was chosen is no longer among them, the first is.
        key: of the widget, and its name in a link.
        kind: of widget.
        first: what it begins with, where that is not the first word.
        name: what a link is told that it asked for in vain; the label if not given.
        rule: what it must be; one of the words if not given.
        help: beside the label.
        kept: whether it stays as it is while other pages are open.
        more: of the widget.
    """
    words = list(offered)
    start = words[0] if first is None else first
    hold_back(name or label, words, key, start, rule, more.get("format_func", str))
    shared: dict[str, Any] = {"key": key, "bind": own_words.bind(words), "help": help, **more}
    if kept:
        shared["persist_state"] = "session"
    match kind:
        case "list":
            return st.selectbox(label, words, words.index(start), **shared)
        case "radio":
            return st.radio(label, words, words.index(start), **shared)
        case "slider":
            chosen: WordT = st.select_slider(label, words, start, **shared)
        case "pills":
            chosen = st.pills(label, words, default=start, required=True, **shared)
        case "segments":
            chosen = st.segmented_control(label, words, default=start, required=True, **shared)
    return chosen


def pick_some(
    label: str,
    offered: Sequence[str],
    key: str,
    first: Sequence[str] = (),
    *,
    name: str = "",
    rule: str = "",
    kept: bool = False,
    **more: Any,
) -> list[str]:
    """Several of a row of words, in their order; it begins with `first`."""
    refuse(key, offered, name or label, rule or "some of " + ", ".join(offered), many=True)
    if kept:
        more["persist_state"] = "session"
    return st.pills(
        label,
        offered,
        selection_mode="multi",
        default=list(first),
        key=key,
        bind=own_words.bind(offered),
        **more,
    )


def search_box(
    label: str,
    offered: Sequence[str],
    key: str,
    *,
    name: str = "",
    rule: str = "",
    linked: bool = True,
    kept: bool = False,
    **more: Any,
) -> str | None:
    """One of many words that can be typed, or none, which it begins with.

    Args:
        label: of the widget.
        offered: the words.
        key: of the widget, and its name in a link.
        name: what a link is told that it asked for in vain; the label if not given.
        rule: what it must be; one of the words if not given.
        linked: whether a link has it.
        kept: whether it stays as it is while other pages are open.
        more: of the widget, such as its placeholder.
    """
    refuse(key, offered, name or label, rule or "one of " + ", ".join(offered))
    if st.session_state.get(key) not in {None, *offered}:
        st.session_state[key] = None
    bind = own_words.bind(offered) if linked else None
    if kept:
        more["persist_state"] = "session"
    return st.selectbox(label, offered, index=None, key=key, bind=bind, **more)


def pick_or_none(label: str, offered: Sequence[str], key: str) -> str | None:
    """One of a row of words, or none, which it begins with."""
    hold_back(label, offered, key, offered[0])
    bind = own_words.bind(offered)
    return st.segmented_control(label, offered, default=None, key=key, bind=bind)


def pick_number(label: str, count: int, key: str, step: int = 1) -> int:
    refuse(key, below(count), label, f"from 0 to {count - 1}")
    let_go(key, range(count))
    return int(st.number_input(label, 0, count - 1, 0, step, key=key, bind="query-params"))


def switch(
    label: str, key: str, first: bool = False, *, name: str = "", kept: bool = False, **more: Any
) -> bool:
    """Whether it is on. `name` is what a link is told that it asked for in vain."""
    refuse(key, TRUTH, name or label, " or ".join(TRUTH))
    if kept:
        more["persist_state"] = "session"
    return st.toggle(label, first, key=key, bind="query-params", **more)


def type_text(
    label: str,
    first: str,
    key: str,
    *,
    name: str = "",
    most: int = LONGEST_TEXT,
    lines: bool = False,
    kept: bool = False,
    **more: Any,
) -> str:
    """What a person types, at most so many letters; over several lines where it says `lines`."""
    refuse(
        key, lambda text: is_text(text, most), name or label, f"a text of at most {most:,} letters"
    )
    if kept:
        more["persist_state"] = "session"
    area = st.text_area if lines else st.text_input
    return area(label, first, max_chars=most, key=key, bind="query-params", **more) or ""


def is_text(text: str, most: int) -> bool:
    """Whether a text from a link is short enough and has no control characters."""
    return len(text) <= most and all(letter.isprintable() or letter == "\n" for letter in text)


def below(count: int) -> Callable[[str], bool]:
    """Whether a word from a link is a whole number from 0 to below the count."""
    return lambda word: is_place(word, 0, count - 1)


def is_place(word: str, low: int, high: int) -> bool:
    """Whether a word from a link is a whole number from one to another, ends included."""
    number = whole_number(word)
    return number is not None and low <= number <= high


def hold_back(
    label: str,
    offered: Sequence[Any],
    key: str,
    start: Any,
    rule: str = "",
    format_func: Callable[[Any], Any] = str,
) -> None:
    """Say what a link asks for and cannot have, and let go of what is no longer offered."""
    words = [str(format_func(option)) for option in offered]
    refuse(key, words, label, rule or "one of " + ", ".join(words))
    let_go(key, offered, start)
