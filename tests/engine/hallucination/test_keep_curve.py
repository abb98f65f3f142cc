"""CHAIR against the share kept: each point is a decoding of its own, and its range is honest."""

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import DoesNotFit
from engine.hallucination.decoding.greedy import Greedy
from engine.hallucination.decoding.vasparse import VASparse
from engine.hallucination.measures.chair import chair
from engine.hallucination.measures.keep_curve import KEEPS, KeepCurve, resampled
from engine.hallucination.measures.rates import ScenesCase
from engine.hallucination.measures.scene_ranges import UNSEEN
from engine.hallucination.tiny_vlm.scenes import VOCABULARY, SceneBatch, captions
from engine.hallucination.tiny_vlm.weights import HABIT, load

COUNT, LENGTH = 5, 16


@pytest.fixture(scope="module")
def found():
    return KeepCurve()(ScenesCase(load(HABIT), VASparse(length=LENGTH, gamma=0.0), COUNT))


def test_each_point_is_that_of_its_own_captions(found):
    case = ScenesCase(load(HABIT), VASparse(length=LENGTH, gamma=0.0), COUNT)
    curve = found["curve"]
    sample = SceneBatch.drawn(COUNT, "broken", seed=UNSEEN)
    for way, at in (("visual-aware", 0), ("top-k", 1), ("random", 0), ("random", 4)):
        method = replace(case.strategy, keep=KEEPS[at], ranking=way)
        slowly = chair(captions(case.vlm, sample, method).words, sample.truths, VOCABULARY)
        assert curve[f"{way}: CHAIR_i"][at] == pytest.approx(slowly.instance)
        assert curve[f"{way}: recall"][at] == pytest.approx(slowly.recall)


def test_the_ends_and_the_range_of_the_curve(found):
    curve = found["curve"]
    ends = [
        [curve[f"{way}: {name}"][-1] for name in ("CHAIR_i", "lowest", "highest", "recall")]
        for way in ("visual-aware", "top-k", "random")
    ]
    assert np.array_equal(ends[0], ends[1])
    assert np.array_equal(ends[0], ends[2])
    assert curve["kept"].tolist() == pytest.approx(list(KEEPS))
    part, whole = [1] * 50 + [0] * 50, [4] * 100
    low, high = resampled(part, whole)
    spread = 1.645 * np.sqrt(0.25 / 100) / 4  # of a mean of 100 coins, over four
    assert low == pytest.approx(0.125 - spread, abs=0.006)
    assert high == pytest.approx(0.125 + spread, abs=0.006)
    assert np.isnan(resampled([0, 0], [0, 0])).all()
    assert resampled([0, 1], [0, 2]).tolist() == [0.5, 0.5]  # of the draws that name anything


def test_the_share_kept_and_the_ranking_of_the_case_do_not_matter(found):
    other = VASparse(length=LENGTH, gamma=0.0, keep=0.3, ranking="random")
    again = KeepCurve()(ScenesCase(load(HABIT), other, COUNT))
    for name in found["curve"].order:
        assert np.array_equal(found["curve"][name], again["curve"][name])


def test_another_decoding_is_refused_in_words():
    with pytest.raises(DoesNotFit, match="the decoding VASparse"):
        KeepCurve()(ScenesCase(load(HABIT), Greedy(), COUNT))
