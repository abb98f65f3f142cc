"""Networks that pages build again stay within their room, whoever asked for them."""

from types import SimpleNamespace

from components.forget import asked
from components.rebuilt import NETWORKS
from tests import tiny

CATS, DOGS = (SimpleNamespace(card=f'{{"labels": ["{label}"]}}') for label in ("cat", "dog"))


def test_networks_are_kept_while_there_is_room_and_told_apart_by_all_they_depend_on(monkeypatch):
    monkeypatch.setattr(asked, "rebuilt", lambda _view, _name: tiny.cnn())
    NETWORKS.clear()
    first = asked.model_of(CATS, "a", "name")
    assert asked.model_of(CATS, "a", "name") is first
    assert asked.model_of(CATS, "b", "name") is not first
    assert asked.model_of(CATS, "a", "another") is not first
    assert asked.model_of(DOGS, "a", "name") is not first
    assert len(NETWORKS.names()) == 4
    monkeypatch.setattr(NETWORKS, "room", 2 * first.held_bytes)
    asked.model_of(CATS, "c", "name")
    assert len(NETWORKS.names()) == 2
    NETWORKS.clear()
