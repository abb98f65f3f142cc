"""A decoding over many scenes: its rates are those of its captions, its costs those of the loop."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from engine.errors import BlindspotError
from engine.hallucination.case import CaptionCase
from engine.hallucination.decoding.greedy import Greedy
from engine.hallucination.decoding.mvp import MVP
from engine.hallucination.decoding.noise import seed_for
from engine.hallucination.decoding.vcd import VCD
from engine.hallucination.measures.chair import chair
from engine.hallucination.measures.rates import SPEED, Rates, ScenesCase, rates_table, speed
from engine.hallucination.measures.scene_ranges import UNSEEN
from engine.hallucination.measures.views_ablation import ViewsAblation
from engine.hallucination.tiny_vlm.sayings import yes_no_question
from engine.hallucination.tiny_vlm.scenes import VOCABULARY, SceneBatch, captions, lie_rate
from engine.hallucination.tiny_vlm.weights import HABIT, HONEST, load
from engine.method import quiet
from engine.result import Table
from tests.engine.hallucination import tiny_hf


@pytest.fixture(scope="module")
def greedy():
    return Rates()(ScenesCase(load(HABIT), Greedy(), count=30))


def test_rates_are_those_of_the_captions(greedy):
    sample = SceneBatch.drawn(30, "broken", seed=UNSEEN)
    described = captions(load(HABIT), sample, Greedy())
    slowly = chair(described.words, sample.truths, VOCABULARY)
    result = greedy["rates"]
    assert result["CHAIR_i"][0] == pytest.approx(slowly.instance)
    assert result["CHAIR_s"][0] == pytest.approx(slowly.sentence)
    assert result["recall"][0] == pytest.approx(slowly.recall)
    assert result["lie rate"][0] == pytest.approx(lie_rate(described.words, sample))
    assert [note.split() for note in greedy["captions"].notes] == described.words


def test_vcd_runs_two_passes_for_greedys_one(greedy):
    both = Rates()(ScenesCase(load(HABIT), VCD(alpha=0.0, beta=0.0), count=30))
    assert both["captions"].notes == greedy["captions"].notes
    assert both["rates"]["forward passes"][0] == 2 * greedy["rates"]["forward passes"][0]


def test_the_honest_model_says_yes_to_fewer_absent_partners(greedy):
    honest = Rates()(ScenesCase(load(HONEST), Greedy(), count=60))["rates"]
    habit = Rates()(ScenesCase(load(HABIT), Greedy(), count=60))["rates"]
    assert honest["false yes"][0] < habit["false yes"][0]
    assert honest["unclear"][0] == 0
    rate = Rates()(ScenesCase(load(HONEST), Greedy(), count=1, kind="broken", seed=2))["rates"]
    assert math.isnan(rate["lie rate"][0]) or 0 <= rate["lie rate"][0] <= 1


def test_another_strategy_model_or_seed_is_another_question():
    plain = ScenesCase(load(HABIT), Greedy(), count=10)
    others = [
        ScenesCase(load(HABIT), VCD(), count=10),
        ScenesCase(load(HABIT), VCD(alpha=2.0), count=10),
        ScenesCase(load(HONEST), Greedy(), count=10),
        ScenesCase(load(HABIT), Greedy(), count=11),
    ]
    assert len({variant.fingerprint for variant in (plain, *others)}) == 5
    first, second = SceneBatch.drawn(2, "broken", seed=UNSEEN).pixels
    drawn = {
        (image, prompt): seed_for((first, second)[image], 0, prompt)
        for image in (0, 1)
        for prompt in ("is there a cat ?", "is there a dog ?")
    }
    assert len(set(drawn.values())) == 4
    assert seed_for(first, 1) != seed_for(first, 0) == seed_for(first.clone(), 0)


def test_a_model_of_one_s_own_is_refused_in_a_sentence():
    with pytest.raises(BlindspotError, match="random llava is asked about one picture"):
        ScenesCase(tiny_hf.model("llava"), Greedy())


def test_too_many_scenes_are_refused():
    with pytest.raises(BlindspotError, match="0 scenes"):
        ScenesCase(load(HABIT), Greedy(), count=0)


def test_mvp_answers_the_questions_as_it_does_alone_and_describes_nothing():
    case = ScenesCase(load(HABIT), MVP(), count=6)
    result = Rates()(case)
    sample = SceneBatch.drawn(6, "broken", seed=UNSEEN)
    rows, categories = np.nonzero(sample.leading())
    questions = (
        CaptionCase(case.vlm, sample.pixels[row], yes_no_question(category), case.seed)
        for row, category in zip(rows, categories.tolist(), strict=True)
    )
    yes = [np.subtract(*MVP()(question)["scores"].values) >= 0 for question in questions]
    assert result["rates"]["yes-ratio"][0] == pytest.approx(np.mean(yes))
    assert math.isnan(result["rates"]["CHAIR_i"][0])
    assert "captions" not in result


@dataclass(frozen=True)
class Listening(MVP):
    """MVP, and which cases it was asked about."""

    heard: ClassVar[list[str]] = []

    def __call__(self, case, progress=quiet):
        """Note the case, and answer."""
        self.heard.append(case.fingerprint)
        return super().__call__(case, progress)


@pytest.mark.parametrize(
    ("method", "view"), [(Rates(), "rates"), (ViewsAblation(), "views")], ids=["rates", "views"]
)
def test_each_question_is_asked_as_it_would_be_alone_wherever_it_stands(method, view):
    Listening.heard.clear()
    case = ScenesCase(load(HABIT), Listening(length=4, paths=1), count=4, seed=5)
    assert view in method(case)
    sample = SceneBatch.drawn(4, "broken", seed=UNSEEN + 5)
    alone = [
        CaptionCase(case.vlm, sample.pixels[row], yes_no_question(category), 5).fingerprint
        for row, category in zip(*map(np.ndarray.tolist, np.nonzero(sample.leading())), strict=True)
    ]
    assert len(alone) > 1
    assert Listening.heard == alone


def test_speed_is_of_all_scenes_and_decodings_stand_in_rows():
    rates = Table.of({"words": ([15.0], "words"), "seconds": ([3.0], "s")})
    captions = Table.of({"invented": (np.zeros(40), "mentions")})
    assert speed({"rates": rates, "captions": captions}) == pytest.approx(200)
    rates = [Table.of({"words": ([count], "words"), "seconds": ([2.0], "s")}) for count in (3, 4)]
    captions = Table.of({"invented": (np.zeros(10), "mentions")})
    table = rates_table(
        {"Greedy": {"rates": rates[0], "captions": captions}, "MVP": {"rates": rates[1]}}
    )
    assert table.rows == ("Greedy", "MVP")
    assert table["words"].tolist() == [3, 4]
    assert table[SPEED].tolist() == [15, 0]
