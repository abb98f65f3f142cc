"""What the Decoding view works out by itself: what differs, leanings, steps, the way back."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from components.decoding.answers import (
    differing,
    finding_words,
    said_share,
    worth_marking,
    yes_share,
)
from components.decoding.asked import Spoken
from components.decoding.cost import spent
from components.decoding.memory import DROPPED, SHADE, crossed
from components.decoding.noise import margin_words
from components.decoding.scenes import speed
from components.decoding.steps import step_of, told
from components.decoding.trust import walk
from engine.data.layout import Scene
from engine.hallucination import MVP, VCD, Greedy, VASparse, asking
from engine.hallucination.claims import claims
from engine.result import Columns, Ranking, Scores, Tokens

STREET = asking.scene("counter", 253)


def tokens(*said: str) -> Tokens:
    count = len(said)
    return Tokens(
        np.arange(count), np.ones(count, np.float32), np.zeros(count, np.float32),
        np.zeros((count, 0, 0, 0), np.float16), said, "is there a lamp", (8, 8), ended=True,
    )  # fmt: skip


def ranking(*steps: dict[str, float]) -> Ranking:
    labels = tuple(tuple(step) for step in steps)
    values = np.array([list(step.values()) for step in steps], np.float32)
    return Ranking(values, np.zeros(values.shape, np.int64), labels, "probability")


def spoken(method, said, scene: Scene | None = None, **views) -> Spoken:
    against = claims("is there a lamp", said, scene) if scene else None
    return Spoken(method, {"answer": tokens(*said), **views}, against)


# ---------------------------------------------------------------- what differs


def test_equal_answers_have_no_marks():
    assert differing([["a", "car"], ["a", "car"]]) == [set(), set()]


def test_a_word_that_was_put_in_shifts_nothing_behind_it():
    marks = differing([["a", "car", "."], ["a", "blue", "car", "."]])
    assert marks == [set(), {1}]


def test_the_first_answer_is_marked_wherever_any_other_departs():
    marks = differing([["yes", "a", "car"], ["no", "a", "car"], ["yes", "a", "sign"]])
    assert marks == [{0, 2}, {0}, {2}]


def test_grammar_is_framed_only_where_nothing_telling_differs():
    first, other = ["a", "car", "with", "a", "lamp"], ["a", "car", "and", "a", "sign"]
    assert worth_marking([first, other]) == [{4}, {4}]
    assert worth_marking([["a", "car", "on"], ["a", "car", "in"]]) == [{2}, {2}]


def test_strategies_that_say_the_same_stand_together_and_the_truth_is_told():
    found = SimpleNamespace(
        spoken=(
            spoken(Greedy(), ["yes"], STREET),
            spoken(VASparse(), ["yes"], STREET),
            spoken(VCD(), ["no"], STREET),
        ),
    )
    assert finding_words(found) == (
        "Greedy and VASparse say “yes”; VCD says “no”. There is no lamp in this scene."
    )


def test_of_a_caption_it_is_told_what_each_makes_up():
    found = SimpleNamespace(
        spoken=(
            spoken(Greedy(), ["a", "car", "with", "a", "lamp"], STREET),
            spoken(VCD(), ["a", "car"], STREET),
        ),
    )
    assert finding_words(found) == "Greedy makes up a lamp; VCD makes up nothing."


# ---------------------------------------------------------------- yes against no


def test_the_leaning_is_read_where_the_answer_is_decided():
    final = ranking({"i": 0.6, "yes": 0.2}, {"think": 1.0, "no": 0.0}, {"yes": 0.6, "no": 0.2})
    one = spoken(Greedy(), ["i", "think", "yes"], final=final)
    assert yes_share(one) == pytest.approx(0.75)


def test_what_may_not_come_counts_as_nothing_and_no_verdict_is_none():
    sure = spoken(VCD(), ["no"], final=ranking({"no": 0.9, "the": 0.1}))
    assert yes_share(sure) == 0.0
    assert np.isnan(yes_share(spoken(Greedy(), ["a", "car"], final=ranking({"a": 1}, {"car": 1}))))
    assert said_share(float("nan")) == "neither"
    assert [said_share(share) for share in (0.5043, 0.4, 0.55)] == ["50.4 %", "40 %", "55 %"]


def test_mvp_leans_by_its_scores():
    one = spoken(MVP(), ["no"], scores=Scores(np.array([1.0, 3.0]), ("yes", "no"), "score"))
    assert yes_share(one) == pytest.approx(0.25)


# ---------------------------------------------------------------- steps


def test_a_word_below_the_cut_is_out_and_one_on_it_stays():
    strong = ranking({"yes": 0.5, "no": 0.25, "the": 0.05, "lamp": 0.04})
    weak, final = ranking({"yes": 0.9, "no": 0.02}), ranking({"no": 0.8, "yes": 0.2})
    one = spoken(VCD(beta=0.1), ["no"], strong=strong, weak=weak, final=final)
    step = step_of(one, 0)
    assert step.names[0] == "no"
    assert step.cut == pytest.approx(0.05)
    out = {name: step.out(at) for at, name in enumerate(step.names)}
    assert out == {"no": False, "yes": False, "the": False, "lamp": True}
    at = step.names.index("lamp")
    assert np.isnan(step.values[at, 1:]).all()


def test_greedy_has_no_cut_and_no_second_panel():
    best = ranking({"yes": 0.6, "no": 0.3, "a": 0.004, "b": 0.003})
    step = step_of(spoken(Greedy(), ["yes"], strong=best, final=best), 0)
    assert (step.kinds, step.cut) == (("strong", "final"), 0.0)
    assert not any(step.out(at) for at in range(len(step.names)))
    assert step.names == ("yes", "no", "a")  # one faint word beside them, not two


def test_numbers_of_a_bar():
    assert [told(value, gone) for value, gone in ((41.2, False), (0.3, False), (0.0, False))] == [
        "41", "&lt;1", "0",
    ]  # fmt: skip
    assert told(np.nan, False) == "–"
    assert told(41.2, True) == "cut off"


# ---------------------------------------------------------------- inside and cost


def test_only_cells_that_are_off_are_grayed():
    pixels = np.full((64, 64, 3), 50, np.uint8)
    grid = np.ones((8, 8), bool)
    grid[2, 5] = False
    seen = crossed(pixels, grid)
    cell = seen.shape[0] // 8
    changed = (seen != 50).any(-1)
    where = np.zeros_like(changed)
    where[2 * cell : 3 * cell, 5 * cell : 6 * cell] = True
    assert (changed == where).all()
    middle = seen[2 * cell + cell // 2, 5 * cell + 2]
    assert np.abs(middle - ((1 - SHADE) * 50 + SHADE * DROPPED)).max() <= 1


def test_the_way_goes_up_to_each_going_back_and_ends_at_the_answer():
    x, y = walk([10, 9], [4, 2], 12)
    assert (x, y) == ([0, 10, 10, 13, 13, 18], [0, 10, 6, 9, 7, 12])


def test_words_in_a_second_are_of_all_scenes():
    rates = Columns.of({"words": ([15.0], "words"), "seconds": ([3.0], "s")})
    captions = Columns.of({"invented": (np.zeros(40), "mentions")})
    assert speed({"rates": rates, "captions": captions}) == pytest.approx(200)


def test_costs_are_read_by_their_names():
    cost = Scores(np.array([7.0, 1.0, 2.0]), ("places looked at", "forward passes", "tokens read"),
                  "times")  # fmt: skip
    assert spent({"cost": cost}).tolist() == [1, 2, 7]


@pytest.mark.parametrize(
    ("clear", "hidden", "left", "sense"),
    [(0.5, 2.0, -1.0, "that much is habit"), (1.8, 1.0, 2.6, "Contrasting cannot mend that")],
)
def test_a_belief_that_fades_with_the_image_cannot_be_mended(clear, hidden, left, sense):
    held = {
        "step": np.array([0.0, 900.0]), "clear": np.array([clear, clear]),
        "hidden": np.array([clear, hidden]), "contrasted": np.array([clear, left]),
    }  # fmt: skip
    words = margin_words(held, 880)
    assert words.startswith("At t = 900 ")
    assert sense in words
    assert f"VCD says {'yes' if left > 0 else 'no'}" in words
