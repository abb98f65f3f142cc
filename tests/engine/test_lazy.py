"""A lazy property is found once, and nobody waits for that of another object."""

from __future__ import annotations

import threading
from copy import copy

import pytest

from engine.keeping.lazy import lazy


class Slow:
    def __init__(self, go=None):
        self.go, self.asked, self.begun = go, 0, threading.Event()

    @lazy
    def value(self):
        """What it is."""
        self.begun.set()
        self.asked += 1
        assert self.go is None or self.go.wait(20)
        return object()


def test_it_is_found_once_and_a_copy_takes_it_along():
    slow = Slow()
    assert slow.value is slow.value
    assert slow.asked == 1
    assert copy(slow).value is slow.value
    assert Slow.value.__doc__ == "What it is."


def test_nobody_waits_for_another_object_s():
    go = threading.Event()
    slow, quick = Slow(go), Slow()
    asker = threading.Thread(target=lambda: slow.value)
    asker.start()
    assert slow.begun.wait(20)
    other = threading.Thread(target=lambda: quick.value, daemon=True)
    other.start()
    other.join(5)
    waited = other.is_alive()
    go.set()
    asker.join(20)
    assert not waited


def test_what_fails_is_tried_again():
    class Broken:
        tries = 0

        @lazy
        def value(self):
            self.tries += 1
            if self.tries == 1:
                raise ValueError("not yet")
            return self.tries

    broken = Broken()
    with pytest.raises(ValueError, match="not yet"):
        _ = broken.value
    assert broken.value == 2
