"""A home and a store of its own for a test that keeps answers."""

import pytest

from engine.core import run
from engine.core.keeping.store import Store


@pytest.fixture
def own_store(empty_home, monkeypatch):
    """BLINDSPOT_HOME and a store in which nothing is known yet."""
    store = Store(empty_home / "answers")
    monkeypatch.setattr(run, "store", lambda: store)
    return store
