"""Who is here: what a visitor opens is booked for them, and let go of after they have left.

Streamlit keeps the state of a session for two minutes when its browser has gone, in case it comes
back, and then until somebody else leaves. So it is emptied here, once nobody can come back to it.
"""

from __future__ import annotations

import gc
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.runtime import Runtime, exists
from streamlit.runtime.scriptrunner import get_script_run_ctx

from components import runs
from components.sidebar import reload
from engine.core.keeping.budget import current_visitor
from engine.core.process import release
from engine.vision.data import registry

AWAY_SECONDS = 150.0  # longer than Streamlit keeps a session for a browser that comes back

_present: set[Presence] = set()


@dataclass(eq=False)
class Presence:
    """A visitor whose browser is connected.

    Args:
        visitor: as the lane knows them.
        session: as Streamlit does.
        state: of the session.
    """

    visitor: str
    session: str
    state: Any

    @property
    def kept_under(self) -> str:
        """The key of the file that the session opened last; "" where there is none."""
        return str(self.state.filtered_state.get(reload.KEPT_UNDER, ""))

    def leave(self) -> None:
        """The browser has gone: what was opened goes as well, unless it comes back."""
        _present.discard(self)
        timer = threading.Timer(AWAY_SECONDS, self.let_go)
        timer.daemon = True
        timer.start()

    def let_go(self) -> None:
        """Hold nothing any more of what was opened, nor the files that it was read from."""
        if any(visit.visitor == self.visitor for visit in _present):
            return
        kept_under = self.kept_under
        if kept_under not in {visit.kept_under for visit in _present}:  # by a tab that was reloaded
            reload.drop(kept_under)
        for key in self.state.filtered_state:
            with suppress(Exception):  # Streamlit's own keys; the next one may be a data set
                del self.state[key]
        if exists():
            Runtime.instance().uploaded_file_mgr.remove_session_files(self.session)
        gc.collect()
        registry.forget_variants()
        release()


@st.cache_resource(scope="session", on_release=Presence.leave, show_spinner=False)
def presence_of(visitor: str) -> Presence:
    """The session's presence; Streamlit releases it as soon as the browser has gone."""
    context = get_script_run_ctx()
    assert context is not None  # noqa: S101  # for mypy: a page is being drawn
    presence = Presence(visitor, context.session_id, context.session_state)
    _present.add(presence)
    return presence


def arrive() -> None:
    """From here on in this run, and in this thread, what is opened is booked for the visitor.

    A callback says so too, since it runs before the page.
    """
    visitor = runs.visit().visitor
    presence_of(visitor)
    current_visitor.set(visitor)
