"""The contract turns a method down that breaks a promise; each toy here breaks one."""

import random
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch

from engine.core.method import Method, Slider, quiet, setting
from engine.core.result import HeatMap
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from tests import test_contract as contract
from tests import test_contract_answers as answers


@dataclass(frozen=True)
class Honest(Method[ImageCase]):
    """The gradient times a strength: what the contract has nothing against."""

    name = "Honest"
    family = "example"
    title = "Honest"
    cost: ClassVar[str] = "wait"

    strength: float = setting(1.0, Slider(0.5, 2.0, 0.1), "Strength", "A factor.")

    def __call__(self, case, progress=quiet):
        progress(0.5, "half")
        progress(1.0, "done")
        return {"map": HeatMap(self.values(case), f"{case.target.unit} per brightness", True)}

    def values(self, case):
        return self.strength * case.gradient(case.image[None])[1][0].sum(0).numpy()


class Idle(Honest):
    """Its setting changes nothing but the last digit."""

    def values(self, case):
        return super().values(case) / self.strength


class OneClass(Honest):
    """It explains the same class, whichever is asked about."""

    def values(self, case):
        return super().values(replace(case, target=Target(3)))


class Stretched(Honest):
    """Its map is scaled to its own maximum."""

    def values(self, case):
        result = super().values(case)
        return result / np.abs(result).max()


class Silent(Honest):
    """It never reports."""

    def __call__(self, case, progress=quiet):
        return super().__call__(case)


class Late(Honest):
    """It reports when all is over."""

    def __call__(self, case, progress=quiet):
        result = super().__call__(case)
        progress(1.0, "done")
        return result


def drawing(draw):
    """A method that draws from the random numbers of everybody, and leaves them out of its map."""

    class Drawing(Honest):
        def values(self, case):
            draw()
            return super().values(case)

    return Drawing


@pytest.fixture(autouse=True)
def _without_record(monkeypatch):
    """A toy is not among the recorded answers."""
    monkeypatch.setattr(answers, "assert_recorded", lambda name, answer: None)


SETTINGS = answers.test_every_setting_changes_an_answer
CLASS = answers.test_another_class_is_another_answer
SCALE = answers.test_a_score_of_ten_times_the_size_has_a_map_of_ten_times_the_size
PROGRESS = contract.test_progress_rises_to_one
SAME = contract.test_the_same_question_gives_the_same_numbers_in_the_promised_form


@pytest.mark.parametrize("promise", [SETTINGS, CLASS, SCALE, PROGRESS, SAME])
def test_it_has_nothing_against_an_honest_method(promise):
    promise(Honest)


@pytest.mark.parametrize(
    ("promise", "kind", "words"),
    [
        (SETTINGS, Idle, "change nothing"),
        (CLASS, OneClass, "ignores the class"),
        (SCALE, Stretched, None),
        (PROGRESS, Silent, "never reports"),
        (PROGRESS, Late, "only when all is over"),
        (SAME, drawing(lambda: torch.rand(1)), "everybody shares"),
        (SAME, drawing(np.random.rand), "everybody shares"),
        (SAME, drawing(random.random), "everybody shares"),
    ],
)
def test_it_turns_down_a_method_that_breaks_a_promise(promise, kind, words):
    with pytest.raises(AssertionError, match=words):
        promise(kind)
