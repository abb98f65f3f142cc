"""A home without models, and without a hub."""

import pytest

from engine.core.keeping.memory import Memory
from engine.vision.models import catalog, hub


@pytest.fixture
def own_models(monkeypatch, empty_home):
    """No model is kept on disk or in memory, and the hub cannot be reached; the home."""
    monkeypatch.setattr(catalog, "_memory", Memory(catalog.CACHE_BYTES, catalog._memory._size))
    monkeypatch.setattr(hub, "knock", lambda: False)
    return empty_home
