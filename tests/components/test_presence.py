"""What a visitor has opened is let go of when they have left, and not when they came back."""

from __future__ import annotations

import gc
import weakref

from streamlit.testing.v1 import AppTest

from components import presence
from components.presence import Presence
from components.sidebar import reload
from engine.keeping.budget import BUDGET


def page():
    import streamlit as st

    from components import presence, uploads
    from tests.engine.data.test_folders import two, zipped

    presence.arrive()
    if not uploads.session_uploads():
        uploads.open_data(zipped(two()), "mine.zip", 16)
    st.text(", ".join(uploads.session_uploads()))


def opened():
    """A visitor with a data set: their session, presence, and a weak reference to the data."""
    known = set(presence._present)
    at = AppTest.from_function(page, default_timeout=300).run()
    assert not at.exception
    (visitor_presence,) = presence._present - known
    (result,) = at.session_state["lab.uploads"].values()
    return at, visitor_presence, weakref.ref(result.data)


def test_bytes_of_a_visitor_who_has_left_are_given_back():
    at, visitor_presence, data = opened()
    assert BUDGET.booked[visitor_presence.visitor] == data().images.nbytes
    presence._present.discard(visitor_presence)
    visitor_presence.let_go()
    del at
    gc.collect()
    assert data() is None
    assert visitor_presence.visitor not in BUDGET.booked


def test_a_visitor_who_came_back_keeps_what_is_open():
    at, visitor_presence, data = opened()
    presence._present.discard(visitor_presence)
    again = Presence(visitor_presence.visitor, "other", visitor_presence.state)
    presence._present.add(again)
    visitor_presence.let_go()
    assert "lab.uploads" in at.session_state
    assert data() is not None
    presence._present.discard(again)


def page_with_a_picture():
    from components import presence
    from components.sidebar import reload
    from tests.engine.data.test_folders import png

    presence.arrive()
    if reload.finest() is None:
        reload.remember("mine.png", png(size=(300, 300)))
        reload.finest()


def test_a_picture_kept_for_a_reload_goes_with_the_last_session_of_its_tab():
    known = set(presence._present)
    at = AppTest.from_function(page_with_a_picture, default_timeout=300).run()
    assert not at.exception
    (first,) = presence._present - known
    key = at.session_state[reload.KEPT_UNDER]
    assert BUDGET.booked[first.visitor] == 300 * 300 * 3
    reloaded = AppTest.from_function(page_with_a_picture, default_timeout=300)
    reloaded.session_state[reload.KEPT_UNDER] = key
    reloaded.run()
    (second,) = presence._present - known - {first}
    for visitor_presence, is_stored in ((first, True), (second, False)):
        presence._present.discard(visitor_presence)
        visitor_presence.let_go()
        assert (reload.FILES.get(key) is not None) is is_stored
    gc.collect()
    assert first.visitor not in BUDGET.booked


def test_the_browser_s_leaving_sets_the_clock(monkeypatch):
    timers = []

    class Timer:
        daemon = False

        def __init__(self, seconds, call):
            timers.append((seconds, call))

        def start(self):
            assert self.daemon

    monkeypatch.setattr(presence.threading, "Timer", Timer)
    visitor_presence = Presence("somebody", "session", None)
    presence._present.add(visitor_presence)
    visitor_presence.leave()
    assert visitor_presence not in presence._present
    assert timers == [(presence.AWAY_SECONDS, visitor_presence.let_go)]
    assert presence.AWAY_SECONDS > 120  # in which Streamlit may give the session back
