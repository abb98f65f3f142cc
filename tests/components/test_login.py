"""Who may come in, and what is let go of when a visitor has left."""

import gc
import weakref
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit import config
from streamlit.runtime.secrets import Secrets
from streamlit.testing.v1 import AppTest

from components import login, presence, uploads
from components.presence import Presence
from components.sidebar import reload
from components.views import ROOT
from engine.core.errors import BlindspotError
from engine.core.keeping.budget import BUDGET
from tests.components.pages import page_of
from tests.engine.vision.data.test_folders import png, two, zipped
from tests.visits import words


@pytest.fixture(autouse=True)
def fresh():
    login.required.cache_clear()
    yield
    login.required.cache_clear()


@pytest.fixture
def asks(monkeypatch):
    monkeypatch.setattr(login, "required", lambda: True)
    return lambda *, inside: monkeypatch.setattr(st, "user", SimpleNamespace(is_logged_in=inside))


def start():
    return AppTest.from_file(ROOT / "components" / "frame.py", default_timeout=120).run()


def test_who_is_not_logged_in_sees_a_button_and_nothing_else(asks):
    asks(inside=False)
    at = start()
    assert [button.label for button in at.button] == ["Log in"]
    assert words(at).strip() == "This server asks who you are before it shows anything."
    assert not at.sidebar.markdown


def test_who_is_logged_in_sees_the_page_and_may_log_out(asks):
    asks(inside=True)
    at = start()
    assert "Log out" in [button.label for button in at.button]
    assert "asks who you are" not in words(at)


def test_without_a_section_about_it_nobody_is_asked():
    assert not login.required()
    assert "Log out" not in [button.label for button in start().button]


@pytest.mark.parametrize(
    ("text", "asked"), [("[auth]\n", True), ("[other]\n", False), (None, False)]
)
def test_the_section_in_the_secrets_decides(monkeypatch, secrets_of, text, asked):
    secrets_of(text)
    assert login.required() is asked
    login.required.cache_clear()
    monkeypatch.setattr(st, "secrets", {"auth": {}})
    assert login.required()


def test_secrets_that_cannot_be_read_let_nobody_in(secrets_of):
    """A slip of the pen in the file must not open a server that was set up to ask."""
    secrets_of('[auth]\nredirect_uri = "http')
    for _ in range(2):  # it is not kept as an answer either
        with pytest.raises(BlindspotError, match="cannot be read"):
            login.required()


def test_who_may_come_in_not_being_known_the_page_ends(monkeypatch):
    def unknown():
        raise BlindspotError(login.UNREADABLE)

    monkeypatch.setattr(login, "required", unknown)
    at = start()
    assert at.exception
    assert not at.button
    assert not words(at).strip()


@pytest.fixture
def secrets_of(monkeypatch, tmp_path):
    """A server that finds this in its file of secrets; None for no file."""
    path = tmp_path / "secrets.toml"
    before = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(path)])
    monkeypatch.setattr(st, "secrets", Secrets())
    yield lambda text: text is None or path.write_text(text)
    config.set_option("secrets.files", before)


def draw_data():
    presence.arrive()
    if not uploads.session_uploads():
        uploads.open_data(zipped(two()), "mine.zip", 16)
    st.text(", ".join(uploads.session_uploads()))


def opened():
    """A visitor with a data set: their session, presence, and a weak reference to the data."""
    known = set(presence._present)
    at = page_of(draw_data)
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


def draw_picture():
    presence.arrive()
    if reload.finest() is None:
        reload.remember("mine.png", png(size=(300, 300)))
        reload.finest()


def test_a_picture_kept_for_a_reload_goes_with_the_last_session_of_its_tab():
    known = set(presence._present)
    at = page_of(draw_picture)
    (first,) = presence._present - known
    key = at.session_state[reload.KEPT_UNDER]
    assert BUDGET.booked[first.visitor] == 300 * 300 * 3
    page_of(draw_picture, **{reload.KEPT_UNDER: key})
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
