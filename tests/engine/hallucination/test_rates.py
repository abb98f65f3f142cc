"""Rates of decodings over many scenes, and those of every strategy kept in one file."""

import math
from dataclasses import dataclass
from math import isnan
from typing import ClassVar

import numpy as np
import pytest

from engine.core.method import quiet
from engine.core.result import Table
from engine.evaluation.language.chair import chair
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.rates import SPEED, Rates, ScenesCase, rates_table, speed
from engine.evaluation.language.scenes import VOCABULARY, SceneBatch, captions, lie_rate
from engine.hallucination.decoding.vcd import VCD
from engine.hallucination.measures import comparison
from engine.hallucination.measures.comparison import (
    COSTS,
    DRAWS,
    RATES,
    SAME,
    SCENES,
    StrategyCell,
    description_costs,
    digest,
    figures_text,
    measured_cases,
    measured_strategies,
    read_measured,
    same,
    scenes_of,
    summary,
    write,
)
from engine.hallucination.mvp.method import MVP
from engine.hallucination.mvp.views_ablation import ViewsAblation
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.case import CaptionCase
from engine.vision.language.decoding.noise import seed_for
from engine.vision.language.scenes import UNSEEN
from engine.vision.language.tiny_vlm import weights
from engine.vision.language.tiny_vlm.sayings import yes_no_question
from engine.vision.language.tiny_vlm.weights import HABIT, HONEST, load
from engine.vision.language.tiny_vlm.words import PLURALS
from tests.measured import PAGE


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
    assert greedy["captions"]["invented"].tolist() == [
        sum(PLURALS.get(word, word) in set(CATEGORIES) - truth for word in words)
        for words, truth in zip(described.words, sample.truths, strict=True)
    ]
    assert greedy["captions"]["invented"].any()


def test_vcd_runs_two_passes_and_the_honest_model_says_yes_to_fewer_partners(greedy):
    both = Rates()(ScenesCase(load(HABIT), VCD(alpha=0.0, beta=0.0), count=30))
    assert both["captions"].notes == greedy["captions"].notes
    assert both["rates"]["forward passes"][0] == 2 * greedy["rates"]["forward passes"][0]
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


def test_speeds_costs_and_equal_captions_are_counted():
    rates = Table.of({"words": ([15.0], "words"), "seconds": ([3.0], "s")})
    captions = Table.of({"invented": (np.zeros(40), "mentions")})
    assert speed({"rates": rates, "captions": captions}) == pytest.approx(200)
    rates = [Table.of({"words": ([count], "words"), "seconds": ([2.0], "s")}) for count in (3, 4)]
    captions = Table.of({"invented": (np.zeros(10), "mentions")})
    first = {"rates": rates[0], "captions": captions}
    table = rates_table({"Greedy": first, "MVP": {"rates": rates[1]}})
    assert table.rows == ("Greedy", "MVP")
    assert table["words"].tolist() == [3, 4]
    assert table[SPEED].tolist() == [15, 0]
    results = [
        description_costs(ScenesCase(weights.load(weights.HABIT), strategy, 10))
        for strategy in (Greedy(), VCD(alpha=0.0, beta=0.0))
    ]
    assert results[1]["passes"] == 2 * results[0]["passes"] > 10
    assert set(results[0]) == set(COSTS)


def name_of(model, strategy):
    return f"Decoding, {model}, {len(DRAWS)} draws of {scenes_of(model)} scenes: {strategy}"


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("model", comparison.MODELS)
def test_every_strategy_is_measured_on_every_model_and_kept(model, measure):
    cells = comparison.measure(model)
    others = [cell for cell in read_measured() if cell.model != model]
    write(sorted([*others, *cells], key=lambda cell: comparison.MODELS.index(cell.model)))
    read_measured.cache_clear()
    for strategy, figures in summary(model).items():
        measure(name_of(model, strategy), figures_text(figures))
    assert len(cells) == len(measured_strategies(model)) * len(DRAWS)


def test_what_is_kept_is_of_what_ships_in_the_docs_and_found_again():
    """Else: measure again, with the slow test above."""
    assert len(DRAWS) >= 3
    assert len(comparison.MODELS) == 4
    expected = [digest(case) for model in comparison.MODELS for case in measured_cases(model)]
    assert [cell.digest for cell in read_measured()] == expected
    page = PAGE.read_text()
    for model in comparison.MODELS:
        for strategy, figures in summary(model).items():
            assert f"| {name_of(model, strategy)} | {figures_text(figures)} |" in page
    case = ScenesCase(weights.load(weights.HONEST), Greedy(), SCENES, seed=DRAWS[1])
    (cell,) = (cell for cell in read_measured() if cell.digest == digest(case))
    rate = Rates()(case)["rates"]
    for name in RATES:
        assert rate[name][0] == pytest.approx(cell.figures[name], rel=1e-3), name


def test_every_way_is_measured_alone_and_beside_the_plain_one(monkeypatch):
    monkeypatch.setattr(comparison, "COMPARED", (Greedy(length=4), VCD(length=4, alpha=0.0)))
    monkeypatch.setattr(comparison, "DRAWS", (0, 1))
    monkeypatch.setattr(comparison, "SCENES", 3)
    monkeypatch.setattr(comparison, "ALONE", 2)
    cells = comparison.measure(weights.HONEST)
    assert [cell.strategy for cell in cells] == ["Greedy", "VCD"] * 2
    assert [cell.draw for cell in cells] == [0, 0, 1, 1]
    for cell, case in zip(cells, measured_cases(weights.HONEST), strict=True):
        rate = Rates()(case)["rates"]
        assert cell.digest == digest(case)
        assert cell.figures["CHAIR_i"] == pytest.approx(rate["CHAIR_i"][0], nan_ok=True)
        assert {name: cell.figures[name] for name in COSTS} == description_costs(case)
        assert cell.figures[SAME] == 1  # nothing is subtracted: VCD says what greedy says


def test_what_is_written_is_read_again_and_equal_captions_are_counted(tmp_path):
    cells = (StrategyCell("m", "Greedy", 0, "d", {"CHAIR_i": 0.123456, SAME: float("nan")}),)
    write(cells, tmp_path / "kept.json")
    (cell,) = read_measured(tmp_path / "kept.json")
    assert cell.figures == {"CHAIR_i": 0.12346}
    assert np.isnan(summary("m", (cell,))["Greedy"][SAME][0])
    assert figures_text({"recall": np.array([0.5, 0.7])}) == "recall 0.600 ± 0.141"
    assert same(["a", "b"], ["a", "c"]) == 0.5
    assert isnan(same([], ["a"]))
