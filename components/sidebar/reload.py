"""An upload outlives a reload of the page.

Streamlit begins a new session at each reload. The browser's tab keeps a random key (in its
sessionStorage, so in no link; a duplicated tab has it too), and this process the file under that
key: for an hour at most, while there is room, and until no session has the key (`presence.py`).
"""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import streamlit as st

from components import widgets
from engine.core.keeping.memory import Memory
from engine.vision.images import Picture, load

ROOM = 300_000_000  # bytes of all visitors' files together
SECONDS = 3600.0
KEY = "subject.tab"
KEPT_UNDER = "subject.kept_under"  # the key, in a session's state


@dataclass(frozen=True)
class KeptFile:
    """A file as it was uploaded."""

    name: str
    content: bytes


FILES: Final = Memory[KeptFile](ROOM, lambda file: len(file.content))
FINE: Final = Memory[Picture](ROOM, lambda picture: picture.pixels.nbytes)


def remember(name: str, content: bytes) -> None:
    """Keep what was just opened, in place of what this session opened before."""
    discard_upload()
    kept_under = secrets.token_urlsafe(16)
    st.session_state[KEPT_UNDER] = kept_under
    FILES.put(kept_under, KeptFile(name, content))
    timer = threading.Timer(SECONDS, drop, [kept_under])
    timer.daemon = True
    timer.start()


def discard_upload() -> None:
    """Let go of what this session opened last: the person has taken it away."""
    if kept_under := st.session_state.pop(KEPT_UNDER, None):
        drop(kept_under)


def drop(kept_under: str) -> None:
    """Let go of a file, and of what was made of it."""
    FILES.drop(kept_under)
    FINE.drop(kept_under)


def finest() -> Picture | None:
    """The picture that this session opened last, with all pixels that are read in tiles.

    None when its file is no longer kept, or is no picture. Raises BadImage.
    """
    kept_under: str = st.session_state.get(KEPT_UNDER, "")
    if (file := FILES.get(kept_under)) is None:
        return None
    if (ready := FINE.get(kept_under)) is None:
        picture = load(file.content, file.name, fine=True)
        if not isinstance(picture, Picture):
            return None
        FINE.put(kept_under, ready := picture)
        if FILES.get(kept_under) is None:  # it was let go of while it was decoded
            FINE.drop(kept_under)
    return ready


def file_before_reload() -> KeptFile | None:
    """The file that this tab opened before it was reloaded, the first time it is asked for."""
    state: Any = st.session_state.get(KEY)
    file_key = state.get("held") if hasattr(state, "get") else None
    if not isinstance(file_key, str) or KEPT_UNDER in st.session_state:
        return None
    file = FILES.get(file_key)
    if file is not None:
        st.session_state[KEPT_UNDER] = file_key
    return file


def exchange_key(on_found: Callable[[], None]) -> None:
    """Give the tab its key, or ask for the one it has; `on_found` is called when it answers."""
    mounted()(key=KEY, data={"mine": st.session_state.get(KEPT_UNDER, "")}, on_held_change=on_found)


@cache
def mounted() -> Any:
    """The component, registered once."""
    script = Path(widgets.__file__).with_name("tab.js")
    return st.components.v2.component("blindspot_tab", js=script.read_text("utf-8"))
