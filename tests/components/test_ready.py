"""What is loaded before the server listens, and what beside the first visits."""

from __future__ import annotations

import threading

from components import ready
from components.sidebar import thumbnails
from components.views import DECODING, VIEWS
from engine.errors import BadModel
from engine.models import catalog


def test_the_modules_of_every_view_s_page_are_ours_and_are_found():
    found = {view.address: list(ready.imported(view)) for view in VIEWS}
    assert all(found.values())
    assert "components.decoding" in found[DECODING.address]


def test_without_the_default_model_the_server_starts_all_the_same(monkeypatch):
    def gone():
        raise BadModel("It is not here.")

    monkeypatch.setattr(catalog, "load", gone)
    ready.load()
    in_a_thread(ready.go_on)


def test_what_comes_beside_the_visits_leaves_nothing_of_the_model_to_them(monkeypatch):
    model = catalog.load()
    monkeypatch.setattr(model, "_paces", {})
    monkeypatch.setattr(catalog, "load", lambda: model)
    made = []
    monkeypatch.setattr(ready, "thumb", made.append)
    in_a_thread(ready.go_on)
    assert set(model._paces) == {"exact", "gradient"}
    assert made == [one.title for one in thumbnails.SAMPLES]


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
