"""What one process does with its part of a sweep."""

from __future__ import annotations

from threading import Thread
from types import SimpleNamespace

from engine.keeping.claims import claimed
from engine.sweep import work
from engine.sweep.work import CLAIMS, Numbered, visit
from tests import tiny


def test_what_another_process_computes_is_waited_for_last(at_home, digits):
    home = at_home()
    questions = [Numbered(place, one) for place, one in enumerate(digits(2).questions())]
    (first, *_), found = visit(questions, compute=False), []
    with claimed(home / CLAIMS, first.digest):
        thread = Thread(target=lambda: found.extend(visit(questions, compute=True)))
        thread.start()
        thread.join(0.1)
        while len(found) < len(questions) - 1:
            thread.join(0.1)
        assert {one.place for one in found} == set(range(1, len(questions)))
        assert thread.is_alive()
    thread.join(60)
    assert found[-1].place == 0
    assert found[-1].computed


def test_a_label_that_names_no_class_is_neither_right_nor_wrong():
    model = tiny.cnn()
    labels = list(model.labels)
    assert work.label_number(labels[1].upper(), model) == 1
    assert work.label_number("no such class", model) is None
    numbers = SimpleNamespace(labels=("0", "1"))
    assert work.label_number("1", numbers) == 1
    assert work.label_number("1", SimpleNamespace(labels=("cat", "dog"))) is None
    assert work.label_number("a cat", SimpleNamespace(labels=("dog", "a cat, tabby"))) == 1
