"""Closed form, removal and keep curves: each point is counted by a decoding of its own."""

from dataclasses import replace

import numpy as np
import pytest

from engine.evaluation.language.beaf.law import evidence_for, false_yes, log_odds, missed
from engine.evaluation.language.beaf.removal_law import ALPHAS, RemovalLaw, fit_distance
from engine.evaluation.language.chair import chair
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.rates import ScenesCase
from engine.evaluation.language.scenes import VOCABULARY, SceneBatch, captions, margins
from engine.hallucination.vasparse.keep_curve import KEEPS, KeepCurve, resampled
from engine.hallucination.vasparse.strategy import VASparse
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.scenes import UNSEEN
from engine.vision.language.tiny_vlm.sayings import PARTNER
from engine.vision.language.tiny_vlm.weights import HABIT, load

COUNT = 40


@pytest.fixture(scope="module")
def result():
    return RemovalLaw()(ScenesCase(load(HABIT), Greedy(), COUNT, "biased"))


def test_each_point_is_the_share_of_contrasted_answers(result):
    layout = SceneBatch.drawn(COUNT, "biased", seed=UNSEEN).layout
    clear, hidden = [], []
    for leader, follower in PARTNER.items():
        rows = np.flatnonzero(layout.present[:, leader] & layout.present[:, follower])
        if len(rows):
            batch = SceneBatch.of(layout.take(rows).without(CATEGORIES[follower]))
            clear += margins(load(HABIT), batch)[:, follower].tolist()
            hidden += margins(load(HABIT), batch, 900)[:, follower].tolist()
    clear, hidden = np.array(clear), np.array(hidden)
    assert result["margins"]["clear"] == pytest.approx(clear, abs=1e-4)
    assert result["fit"]["pairs"][0] == len(clear) > 10
    for alpha, measured, low, high in zip(
        ALPHAS, *(result["law"][name] for name in ("measured", "low", "high")), strict=True
    ):
        assert measured == pytest.approx(((1 + alpha) * clear > alpha * hidden).mean())
        assert low <= measured <= high


def test_the_law_goes_through_the_plain_rate_and_without_a_pair_there_is_none(result):
    law, d = result["law"]["law"], result["fit"]["d"][0]
    assert law[0] == pytest.approx(result["law"]["measured"][0], abs=1e-6)
    assert (np.diff(law) < 0).all()
    assert law[3] == pytest.approx(false_yes(d, log_odds(0.9), 1.0))
    assert np.isnan(fit_distance(0.0, log_odds(0.9)))
    assert np.isnan(fit_distance(1.0, log_odds(0.9)))
    assert fit_distance(false_yes(2.0, 1.0), 1.0) == pytest.approx(2.0)
    case = ScenesCase(load(HABIT), Greedy(), 10, "counter")
    result = RemovalLaw()(case)
    assert result["fit"]["pairs"][0] == 0
    assert np.isnan(result["law"]["measured"]).all()
    assert "no partner" in RemovalLaw().finding(case, result)


TABLE = {
    1: [(0.955, 0.003), (0.833, 0.025), (0.725, 0.055), (0.592, 0.109), (0.476, 0.174)],
    2: [(0.539, 0.018), (0.395, 0.042), (0.326, 0.061), (0.263, 0.086), (0.218, 0.111)],
    3: [(0.221, 0.013), (0.156, 0.023), (0.128, 0.031), (0.105, 0.041), (0.088, 0.050)],
    5: [(0.020, 0.002), (0.014, 0.003), (0.011, 0.003), (0.009, 0.004), (0.008, 0.005)],
}


def test_the_law_gives_the_table_of_the_sheet_and_what_gaussian_evidence_gives():
    prior = log_odds(0.9)
    for evidence, shares in TABLE.items():
        for alpha, (false, miss) in zip((0, 0.5, 1, 2, 4), shares, strict=True):
            assert false_yes(evidence, prior, alpha) == pytest.approx(false, abs=6e-4)
            assert missed(evidence, prior, alpha) == pytest.approx(miss, abs=6e-4)
    rng, d = np.random.default_rng(0), 2.0
    absent = rng.normal(-(d**2) / 2, d, 400_000)
    for alpha in (0.0, 1.0):
        yes = ((1 + alpha) * (absent + prior) - alpha * prior > 0).mean()
        assert yes == pytest.approx(false_yes(d, prior, alpha), abs=4e-3)
    assert evidence_for(false_yes(2.8, prior), prior) == pytest.approx(2.8, abs=1e-6)


FEWER, LENGTH = 5, 16


@pytest.fixture(scope="module")
def curves():
    return KeepCurve()(ScenesCase(load(HABIT), VASparse(length=LENGTH, gamma=0.0), FEWER))


def test_each_point_is_that_of_its_own_captions(curves):
    case = ScenesCase(load(HABIT), VASparse(length=LENGTH, gamma=0.0), FEWER)
    curve = curves["curve"]
    sample = SceneBatch.drawn(FEWER, "broken", seed=UNSEEN)
    for way, at in (("visual-aware", 0), ("top-k", 1), ("random", 0), ("random", 4)):
        method = replace(case.strategy, keep=KEEPS[at], ranking=way)
        slowly = chair(captions(case.vlm, sample, method).words, sample.truths, VOCABULARY)
        assert curve[f"{way}: CHAIR_i"][at] == pytest.approx(slowly.instance)
        assert curve[f"{way}: recall"][at] == pytest.approx(slowly.recall)


def test_the_ends_and_the_range_of_the_curve(curves):
    curve = curves["curve"]
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


def test_the_share_kept_and_the_ranking_of_the_case_do_not_matter(curves):
    other = VASparse(length=LENGTH, gamma=0.0, keep=0.3, ranking="random")
    again = KeepCurve()(ScenesCase(load(HABIT), other, FEWER))
    for name in curves["curve"].order:
        assert np.array_equal(curves["curve"][name], again["curve"][name])
