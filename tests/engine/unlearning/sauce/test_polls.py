"""POPE before and after: the questions are POPE's own, and the answers are those of both models."""

import numpy as np
import pytest

from engine.core import run
from engine.core.method import quiet
from engine.evaluation.language.pope import polled
from engine.hallucination import POPE, Greedy, ScenesCase
from engine.unlearning import PollsAfter
from engine.unlearning.sauce.collateral import measured_scenes
from engine.unlearning.sauce.dictionary import image_tokens
from engine.unlearning.sauce.polls import OTHERS, once
from engine.unlearning.sauce.suppressed import chances
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.tiny_vlm.weights import HONEST, load

COUNT = 40


@pytest.fixture(scope="module")
def case():
    return ScenesCase(load(HONEST), Greedy(), COUNT, clean=True)


@pytest.fixture(scope="module")
def result(case):
    return PollsAfter()(case)


def test_rates_are_those_of_the_models_own_answers(case, result):
    """Counted again from p(yes) to each question that POPE asks, of both models."""
    sample = measured_scenes(case)
    questions = {(q.image, q.thing) for split in polled(sample, 3, 0).values() for q in split}
    assert len(questions) == len(result["questions"])
    method, vlm = PollsAfter(), load(HONEST)
    model = method.suppressed(vlm, method.learned(vlm, quiet))
    for when, network in (("before", vlm), ("after", model)):
        yes = chances(vlm, image_tokens(network, sample.pixels)) > 0.5
        for row, categories in (("car", ["car"]), (OTHERS, [c for c in CATEGORIES if c != "car"])):
            answers = [
                (yes[scene, CATEGORIES.index(category)], category in sample.truths[scene])
                for scene, category in questions
                if category in categories
            ]
            rates = result["rates"]
            assert rates.cell(row, "questions") == len(answers)
            assert rates.cell(row, "there") == sum(present for _, present in answers)
            right = np.mean([answer == present for answer, present in answers])
            assert rates.cell(row, f"accuracy {when}") == pytest.approx(right, abs=0.02)
            share = np.mean([answer for answer, _ in answers])
            assert rates.cell(row, f"yes-ratio {when}") == pytest.approx(share, abs=0.02)


def test_the_thing_gets_a_no_others_stay_as_before_and_the_finding_has_the_figures(result, case):
    rates = result["rates"]
    assert rates.cell("car", "yes-ratio before") > 0.3
    assert rates.cell("car", "yes-ratio after") < 0.1
    assert abs(rates.cell(OTHERS, "accuracy before") - rates.cell(OTHERS, "accuracy after")) < 0.1
    sentence = PollsAfter().finding(case, result)
    before, after = (100 * rates.cell("car", f"yes-ratio {when}") for when in ("before", "after"))
    assert sentence.startswith(f"Yes to the car goes from {before:.0f} to {after:.0f} % of ")
    assert f" % of {rates.cell(OTHERS, 'questions'):.0f}." in sentence
    cases = (ScenesCase(load(HONEST), Greedy(), 1, clean=True, seed=seed) for seed in range(40))
    few = next(scene for scene in cases if len(measured_scenes(scene).truths[0]) < 3)
    assert "so nothing was asked" in PollsAfter().finding(few, PollsAfter()(few))


def test_before_is_the_untouched_model_and_a_question_of_several_splits_counts_once(case, result):
    plain = run.answer(POPE(), case)
    assert np.array_equal(result["splits"]["accuracy before"], plain["rates"]["accuracy"])
    assert not np.array_equal(result["splits"]["accuracy after"], plain["rates"]["accuracy"])
    questions = run.answer(POPE(), case)["questions"]
    unique = once(questions, questions)
    keys = set(zip(questions["scene"].tolist(), questions["thing"].tolist(), strict=True))
    assert len(unique) == len(keys) < len(questions)
    assert np.array_equal(unique["there"], result["questions"]["there"])
