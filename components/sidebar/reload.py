"""An upload outlives a reload of the page.

Streamlit begins a new session at each reload. The browser's tab keeps a random key (in its
sessionStorage, so neither in links nor in other tabs), and this process the file under that key,
for an hour and while there is room.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import streamlit as st

from components import widgets
from engine.memory import Memory

ROOM = 300_000_000  # bytes of all visitors' files together
SECONDS = 3600.0
KEY = "subject.tab"


@dataclass(frozen=True)
class KeptFile:
    """A file as it was uploaded, and when that was (time.monotonic)."""

    name: str
    content: bytes
    since: float


FILES: Final = Memory[KeptFile](ROOM, lambda file: len(file.content))


def remember(name: str, content: bytes) -> None:
    """Keep what was just opened, in place of what this session opened before."""
    drop_old()
    if before := st.session_state.get("subject.kept_under"):
        FILES.drop(before)
    kept_under = secrets.token_urlsafe(16)
    st.session_state["subject.kept_under"] = kept_under
    FILES.put(kept_under, KeptFile(name, content, time.monotonic()))


def found() -> KeptFile | None:
    """The file that this tab opened before it was reloaded, the first time it is asked for."""
    state: Any = st.session_state.get(KEY)
    held = state.get("held") if hasattr(state, "get") else None
    if not isinstance(held, str) or "subject.kept_under" in st.session_state:
        return None
    drop_old()
    file = FILES.get(held)
    if file is not None:
        st.session_state["subject.kept_under"] = held
    return file


def drop_old() -> None:
    """Let go of the files that were opened more than an hour ago."""
    for name in FILES.names():
        file = FILES.get(name)
        if file is not None and time.monotonic() - file.since > SECONDS:
            FILES.drop(name)


def exchange_key(on_found: Callable[[], None]) -> None:
    """Give the tab its key, or ask for the one it has; `on_found` is called when it answers."""
    mounted()(
        key=KEY, data={"mine": st.session_state.get("subject.kept_under", "")},
        on_held_change=on_found,
    )  # fmt: skip


@cache
def mounted() -> Any:
    """The component, registered once."""
    script = Path(widgets.__file__).with_name("tab.js")
    return st.components.v2.component("blindspot_tab", js=script.read_text("utf-8"))
