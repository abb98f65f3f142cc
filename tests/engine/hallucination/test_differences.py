"""Where answers differ, and how they share out probability between yes and no."""

import numpy as np
import pytest

from engine.hallucination import VCD, Greedy, VASparse, asking
from engine.hallucination.measures.differences import differing, worth_marking, yes_and_no
from engine.result import Ranking, Scores, Tokens

STREET = asking.scene("counter", 253)


def answer(said, *steps, **views):
    count = len(said)
    tokens = Tokens(
        np.arange(count),
        np.ones(count, np.float32),
        np.zeros(count, np.float32),
        np.zeros((count, 0, 0, 0), np.float16),
        tuple(said),
        "is there a lamp",
        (8, 8),
        ended=True,
    )
    values = np.array([list(step.values()) for step in steps], np.float32)
    labels = tuple(tuple(step) for step in steps)
    final = Ranking(values, np.zeros(values.shape, np.int64), labels, "probability")
    return {"answer": tokens, "final": final, **views}


def test_words_that_differ_are_marked_and_grammar_only_where_nothing_else_does():
    assert differing([["a", "car"], ["a", "car"]]) == [set(), set()]
    marks = differing([["a", "car", "."], ["a", "blue", "car", "."]])
    assert marks == [set(), {1}]
    marks = differing([["yes", "a", "car"], ["no", "a", "car"], ["yes", "a", "sign"]])
    assert marks == [{0, 2}, {0}, {2}]
    first, other = ["a", "car", "with", "a", "lamp"], ["a", "car", "and", "a", "sign"]
    assert worth_marking([first, other]) == [{4}, {4}]
    assert worth_marking([["a", "car", "on"], ["a", "car", "in"]]) == [{2}, {2}]


def test_yes_and_no_are_read_where_the_answer_is_decided():
    steps = {"i": 0.6, "yes": 0.2}, {"think": 1.0, "no": 0.0}, {"yes": 0.6, "no": 0.2}
    assert yes_and_no(answer(["i", "think", "yes"], *steps)) == pytest.approx((0.6, 0.2))
    assert yes_and_no(answer(["no"], {"no": 0.9, "the": 0.1})) == pytest.approx((0.0, 0.9))
    assert np.isnan(yes_and_no(answer(["a", "car"], {"a": 1}, {"car": 1}))).all()
    scores = Scores(np.array([0.2, 0.6]), ("yes", "no"), "score")
    assert yes_and_no(answer(["no"], {"no": 1.0}, scores=scores)) == pytest.approx((0.2, 0.6))


def test_yes_has_one_number():
    """The share is the probability of the word."""
    case = asking.about_scene("tiny-vlm-habit", STREET, "is there a lamp")
    for method in (Greedy(), VCD(), VASparse()):
        result = method(case)
        yes, no = yes_and_no(result)
        word = result["answer"].words[0]
        assert {"yes": yes, "no": no}[word] == pytest.approx(result["answer"].probability[0])
