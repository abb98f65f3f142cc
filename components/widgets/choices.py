"""One of a few words, kept in the link: what a link cannot have is said, what is gone let go of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from components.links import let_go, refuse


def from_list(
    label: str, offered: Sequence[Any], key: str, first: int = 0, *, rule: str = "",
    kept: bool = False, help: str | None = None,
) -> Any:  # fmt: skip
    """A list of which one is picked.

    Args:
        label: above it, by which a link's mistake is named too.
        offered: what can be picked.
        key: of the widget and of its part of the link.
        first: the place of what it begins with.
        rule: what a link may ask for; one of the words if not given.
        kept: whether it stays as it is while other pages are open.
        help: behind its question mark.
    """
    prepare(label, offered, key, offered[first], rule)
    return st.selectbox(
        label, offered, first, key=key, bind="query-params", help=help,
        persist_state="session" if kept else None,
    )  # fmt: skip


def from_row(label: str, offered: Sequence[str], key: str, *, first: bool = True) -> Any:
    """A row of words of which one is pressed; None where none has to be and none is.

    Args:
        label: above it, by which a link's mistake is named too.
        offered: the words.
        key: of the widget and of its part of the link.
        first: whether the first is pressed at the beginning, and one always is.
    """
    prepare(label, offered, key, offered[0])
    return st.segmented_control(
        label, offered, default=offered[0] if first else None, required=first, key=key,
        bind="query-params",
    )  # fmt: skip


def prepare(label: str, offered: Sequence[Any], key: str, first: Any, rule: str = "") -> None:
    """Say what a link cannot have, and let go of what is no longer offered."""
    words = [str(one) for one in offered]
    refuse(key, words, label, rule or "one of " + ", ".join(words))
    let_go(key, offered, first)
