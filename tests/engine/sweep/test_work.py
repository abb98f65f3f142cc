"""What one process does with its part of a sweep."""

from dataclasses import replace
from threading import Thread
from types import SimpleNamespace

import numpy as np
import pytest

from engine.core.keeping.claims import claimed
from engine.sweep import work
from engine.sweep.sheet import sheet
from engine.sweep.work import CLAIMS, Numbered, visit
from tests import tiny


def test_what_another_process_computes_is_waited_for_last(at_home, digits):
    home = at_home()
    questions = [Numbered(place, question) for place, question in enumerate(digits(2).questions())]
    (first, *_), result = visit(questions, compute=False), []
    with claimed(home / CLAIMS, first.digest):
        thread = Thread(target=lambda: result.extend(visit(questions, compute=True)))
        thread.start()
        thread.join(0.1)
        while thread.is_alive() and len(result) < len(questions) - 1:
            thread.join(0.1)
        assert {outcome.place for outcome in result} == set(range(1, len(questions)))
        assert thread.is_alive()
    thread.join(60)
    assert result[-1].place == 0
    assert result[-1].computed


def test_a_probability_that_is_not_finite_is_left_empty(at_home, digits, monkeypatch):
    at_home()
    questions = [Numbered(0, replace(digits(1).questions()[0], method="attribution.Gradient"))]
    monkeypatch.setattr(work, "at_once", lambda case: np.full(10, np.nan))
    (result,) = visit(questions, compute=True)
    row = result.row
    assert (row.top_class, row.confidence, row.correct) == ("", None, None)
    assert '"confidence":null' in sheet([row], "http://here")


def test_a_label_that_names_no_class_is_neither_right_nor_wrong():
    model = tiny.cnn()
    assert work.label_number(list(model.labels)[1].upper(), model) == 1
    assert work.label_number("no such class", model) is None
    assert work.label_number("1", SimpleNamespace(labels=("0", "1"))) == 1
    assert work.label_number("1", SimpleNamespace(labels=("cat", "dog"))) is None
    assert work.label_number("", SimpleNamespace(labels=("cat", "dog"))) is None


@pytest.mark.parametrize(
    ("label", "index"),
    [
        ("horse", None),  # a part of a name is not the class
        ("Horse cart", 0),
        ("tiger shark", 1),
        ("Galeocerdo cuvieri", 1),
        ("tiger shark, Galeocerdo cuvieri", 1),
        ("crane", None),
        ("maillot", None),
        ("maillot, tank suit", 5),
    ],
)
def test_a_label_names_a_class_by_its_whole_name_or_a_synonym(label, index):
    labels = ["horse cart", "tiger shark, Galeocerdo cuvieri", "crane", "crane", "maillot"]
    labels += ["maillot, tank suit"]
    assert work.label_number(label, SimpleNamespace(labels=labels)) == index
