"""What is read of a person's own files, apart from the page."""

from __future__ import annotations

import pytest

from components.forget import own_models
from engine import data as data_sets
from engine.errors import BlindspotError
from engine.unlearning import brought


def test_a_zip_that_fails_is_looked_through_once(monkeypatch):
    data, read = data_sets.load("digits"), []

    def of_zip(_, content):
        read.append(content)
        raise BlindspotError("It does not fit.")

    monkeypatch.setattr(brought, "of_zip", of_zip)
    for _ in range(2):
        with pytest.raises(BlindspotError, match="It does not fit"):
            own_models.found_in(data, b"a zip that fails")
    assert len(read) == 1
