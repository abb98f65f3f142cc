"""Where a server was set up to ask who comes, nothing of a page is there before."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit import config
from streamlit.runtime.secrets import Secrets
from streamlit.testing.v1 import AppTest

from components import login
from components.views import ROOT
from engine.errors import BlindspotError
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
    at = AppTest.from_file(ROOT / "components" / "frame.py", default_timeout=120).run()
    assert not at.exception
    return at


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


def test_the_section_in_the_secrets_decides(monkeypatch):
    monkeypatch.setattr(st, "secrets", {"auth": {}})
    assert login.required()


@pytest.mark.parametrize(
    ("text", "asked"), [("[auth]\n", True), ("[other]\n", False), (None, False)]
)
def test_secrets_in_a_file_decide_too(secrets_of, text, asked):
    secrets_of(text)
    assert login.required() is asked


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
    at = AppTest.from_file(ROOT / "components" / "frame.py", default_timeout=120).run()
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
