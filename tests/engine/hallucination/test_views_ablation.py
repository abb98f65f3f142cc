"""MVP with some of its views: what decides is what those views' paths add."""

import numpy as np
import pytest

from engine.errors import DoesNotFit
from engine.hallucination.case import CaptionCase
from engine.hallucination.decoding.greedy import Greedy
from engine.hallucination.decoding.mvp import MVP, VIEWS
from engine.hallucination.measures.rates import Rates, ScenesCase
from engine.hallucination.measures.scene_ranges import UNSEEN
from engine.hallucination.measures.views_ablation import SUBSETS, ViewsAblation, lead
from engine.hallucination.tiny_vlm.sayings import yes_no_question
from engine.hallucination.tiny_vlm.scenes import SceneBatch
from engine.hallucination.tiny_vlm.weights import HABIT, load
from engine.result import Table

COUNT = 6
ONE_VIEW = {"bottom-up": (1, 0, 0), "top-down": (0, 1, 0), "regular": (0, 0, 1)}


@pytest.fixture(scope="module")
def case():
    return ScenesCase(load(HABIT), MVP(), COUNT)


def slowly(case, method):
    """The share of right answers, question by question, with a method's own scores."""
    sample = SceneBatch.drawn(COUNT, "broken", seed=UNSEEN)
    rows, categories = np.nonzero(sample.leading())
    right = []
    for at, (row, category) in enumerate(zip(rows, categories.tolist(), strict=True)):
        caption_case = CaptionCase(case.vlm, sample.pixels[row], yes_no_question(category), at)
        yes, no = method(caption_case)["scores"].values
        right.append((yes >= no) == sample.layout.present[row, category])
    return float(np.mean(right)), len(right)


def test_with_one_view_alone_its_paths_decide(case):
    result = ViewsAblation()(case)["views"]
    for name, (closely, overall, plainly) in ONE_VIEW.items():
        method = MVP(closely=closely, overall=overall, plainly=plainly)
        right, count = slowly(case, method)
        assert result.cell(name, "right") == pytest.approx(right)
        assert result.cell(name, "questions") == count


def test_all_three_together_are_mvp_and_none_is_greedy(case):
    result = ViewsAblation()(case)["views"]
    everything = " + ".join(VIEWS)
    for row, strategy in ((everything, MVP()), ("no description", Greedy())):
        rates = Rates()(ScenesCase(load(HABIT), strategy, COUNT))["rates"]
        for name in ("false yes", "missed"):
            assert result.cell(row, name) == pytest.approx(rates[name][0], nan_ok=True)
    assert len(result.rows) == len(SUBSETS) + 1 == 8


def test_no_counts_against_and_silence_counts_as_yes():
    paths = Table.of(
        {
            "view": ([0, 0, 1, 2], ""),
            "says yes": ([1.0, 0.0, 0.0, np.nan], ""),
            "adds": ([0.3, 0.1, 0.2, 0.05], "score"),
        }
    )
    assert lead(paths).tolist() == pytest.approx([0.2, -0.2, 0.05])


def test_another_decoding_is_refused_in_words():
    with pytest.raises(DoesNotFit, match="the decoding MVP"):
        ViewsAblation()(ScenesCase(load(HABIT), Greedy(), COUNT))
