"""Stripes to learn from."""

import pytest

from tests.engine.vision.training.test_loop import striped


@pytest.fixture(scope="module")
def data():
    return striped()
