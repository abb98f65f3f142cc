"""Things kept by name: which go first, and that two who ask at once wait for one making."""

import threading
from contextlib import suppress
from copy import copy

import pytest

from engine.core.keeping.lazy import lazy
from engine.core.keeping.memory import Memory


def test_those_used_longest_ago_go_first():
    memory = Memory(3)
    for name in "abc":
        memory.put(name, name.upper())
    assert memory.get("a") == "A"
    memory.put("d", "D")
    assert memory.names() == ["c", "a", "d"]
    assert memory.get("b") is None
    memory.put("c", "new")
    assert memory.names() == ["a", "d", "c"]
    assert memory.get("c") == "new"


def test_the_size_counts_and_the_newest_stays_however_large():
    memory = Memory(5, len)
    memory.put("one", "22")
    memory.put("two", "333")
    assert memory.names() == ["one", "two"]
    memory.put("three", "4444")
    assert memory.names() == ["three"]
    memory.put("vast", "999999999")
    assert memory.names() == ["vast"]
    memory.put("small", "")
    assert memory.names() == ["small"]


def test_what_is_dropped_is_made_anew():
    memory, builds = Memory(9), []
    for _ in range(2):
        assert memory.made("a", lambda: builds.append(1) or len(builds)) == 1
    memory.drop("a")
    memory.drop("never there")
    assert memory.made("a", lambda: builds.append(1) or len(builds)) == 2
    memory.clear()
    assert memory.names() == []


def test_two_who_ask_at_once_wait_for_one_making_and_others_do_not():
    memory, begun, go, builds = Memory(9), threading.Event(), threading.Event(), []

    def slowly():
        begun.set()
        assert go.wait(20)
        builds.append("slow")
        return builds

    results = []
    askers = [
        threading.Thread(target=lambda: results.append(memory.made("slow", slowly)))
        for _ in range(2)
    ]
    for asker in askers:
        asker.start()
    assert begun.wait(20)
    assert memory.made("quick", lambda: 1) == 1  # would hang if it waited
    go.set()
    for asker in askers:
        asker.join(20)
    assert builds == ["slow"]
    assert results[0] is results[1] is builds


def test_a_making_that_fails_can_be_tried_again_and_one_may_ask_for_another():
    memory = Memory(9)
    with pytest.raises(ZeroDivisionError):
        memory.made("a", lambda: 1 // 0)
    assert memory.names() == []
    assert memory.made("a", lambda: 2) == 2
    memory = Memory(9)
    assert memory.made("b", lambda: memory.made("a", lambda: 1) + 1) == 2
    assert memory.names() == ["a", "b"]


def test_who_comes_while_another_waiter_makes_it_waits_for_that_making():
    memory, builds = Memory(9), []
    begun, go = ([threading.Event() for _ in range(3)] for _ in range(2))

    def making(place):
        def make():
            begun[place].set()
            assert go[place].wait(20)
            if place == 0:
                raise ZeroDivisionError
            builds.append(place)
            return builds

        return make

    def ask(place):
        with suppress(ZeroDivisionError):
            memory.made("a", making(place))

    askers = [threading.Thread(target=ask, args=(place,)) for place in range(3)]
    askers[0].start()
    assert begun[0].wait(20)
    askers[1].start()
    askers[1].join(0.2)  # it waits for the first making by now
    go[0].set()
    assert begun[1].wait(20)
    askers[0].join(20)
    askers[2].start()
    assert not begun[2].wait(0.2)
    for event in go:
        event.set()
    for asker in askers[1:]:
        asker.join(20)
    assert builds == [1]
    assert not memory._making


def test_a_thing_is_measured_once_and_counts_until_it_is_replaced_or_let_go():
    measured = []
    memory = Memory(9, lambda entry: measured.append(entry) or entry)
    for name, size in (("a", 4), ("b", 4), ("a", 1), ("c", 4)):
        memory.put(name, size)
    assert memory.names() == ["b", "a", "c"]
    assert measured == [4, 4, 1, 4]
    memory.drop("b")
    memory.put("d", 4)
    assert memory.names() == ["a", "c", "d"]
    memory.room = 8
    memory.put("e", 4)
    assert memory.names() == ["d", "e"]
    memory.clear()
    memory.put("f", 4)
    memory.put("g", 4)
    assert memory.names() == ["f", "g"]
    assert measured == [4, 4, 1, 4, 4, 4, 4, 4]


def test_what_grows_while_it_is_kept_is_measured_again():
    memory, first = Memory(5, len, grows=True), ["1"]
    memory.put("first", first)
    memory.put("second", ["1"])
    first += ["2", "3", "4"]
    memory.put("third", ["1"])
    assert memory.names() == ["second", "third"]
    first.clear()
    memory.put("fourth", ["1", "2", "3"])
    assert memory.names() == ["second", "third", "fourth"]


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
