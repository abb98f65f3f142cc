"""Networks that pages build again stay within their room, whoever asked for them."""

from components.forget import asked
from components.rebuilt import NETWORKS
from tests import tiny


def test_networks_are_kept_while_there_is_room_and_are_told_apart_by_answer_and_name(monkeypatch):
    monkeypatch.setattr(asked, "rebuilt", lambda _view, _name: tiny.cnn())
    NETWORKS.clear()
    first = asked.model_of(None, "a", "name")
    assert asked.model_of(None, "a", "name") is first
    assert asked.model_of(None, "b", "name") is not first
    assert asked.model_of(None, "a", "another") is not first
    assert len(NETWORKS.names()) == 3
    monkeypatch.setattr(NETWORKS, "room", 2 * first.held_bytes)
    asked.model_of(None, "c", "name")
    assert len(NETWORKS.names()) == 2
    NETWORKS.clear()
