"""What is loaded before the server listens, and what beside the first visits."""

from __future__ import annotations

import logging
import threading

import pytest

from components import ready
from components.sidebar import thumbnails
from components.views import DECODING, VIEWS
from engine.errors import BadModel
from engine.models import catalog


def test_the_modules_of_every_view_s_page_are_ours_and_are_found():
    results = {view.address: list(ready.imported(view)) for view in VIEWS}
    assert all(results.values())
    assert "components.decoding" in results[DECODING.address]


@pytest.mark.parametrize(
    ("error", "level"),
    [(BadModel("It is not here."), logging.WARNING), (OSError("It is not here."), logging.ERROR)],
)
def test_without_the_default_model_the_server_starts_and_its_log_says_why(
    monkeypatch, caplog, error, level
):
    def gone():
        raise error

    monkeypatch.setattr(catalog, "load", gone)
    ready.load()
    in_a_thread(ready.go_on)
    lines = [record for record in caplog.records if record.name == ready.__name__]
    assert [line.levelno for line in lines] == [level, level]
    assert ["loaded" in lines[0].getMessage(), "measured" in lines[1].getMessage()] == [True, True]
    assert caplog.text.count("It is not here.") == 2


def test_without_thumbnails_the_model_is_measured_all_the_same(monkeypatch, caplog):
    def broken(_title):
        raise OSError("no room")

    model = catalog.load()
    monkeypatch.setattr(model, "_paces", {})
    monkeypatch.setattr(catalog, "load", lambda: model)
    monkeypatch.setattr(ready, "thumb", broken)
    in_a_thread(ready.go_on)
    assert "no room" in caplog.text
    assert set(model._paces) == {"exact", "gradient"}


def test_what_comes_beside_the_visits_leaves_nothing_of_the_model_to_them(monkeypatch):
    model = catalog.load()
    monkeypatch.setattr(model, "_paces", {})
    monkeypatch.setattr(catalog, "load", lambda: model)
    titles = []
    monkeypatch.setattr(ready, "thumb", titles.append)
    in_a_thread(ready.go_on)
    assert set(model._paces) == {"exact", "gradient"}
    assert titles == [sample.title for sample in thumbnails.SAMPLES]


def in_a_thread(work) -> None:
    """As the app does it: the thread goes last from then on, and ends."""
    errors: list[BaseException] = []

    def run():
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not errors
