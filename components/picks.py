"""One of a few words, in the address bar: a link can ask for it, and is told where it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import streamlit as st

from components.links import let_go, refuse

Kind = Literal["list", "pills", "segments", "slider"]


def pick(
    label: str, offered: Sequence[str], key: str, kind: Kind = "list", *, first: str = "",
    name: str = "", rule: str = "", help: str | None = None,
) -> str:  # fmt: skip
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
    """
    words = list(offered)
    refuse(key, words, name or label, rule or "one of " + ", ".join(words))
    let_go(key, words, first or None)
    start = first or words[0]
    shared: dict[str, Any] = {"key": key, "bind": "query-params", "help": help}
    match kind:
        case "list":
            return str(st.selectbox(label, words, words.index(start), **shared))
        case "slider":
            return str(st.select_slider(label, words, start, **shared))
        case "pills":
            return str(st.pills(label, words, default=start, required=True, **shared))
    return str(st.segmented_control(label, words, default=start, required=True, **shared))
