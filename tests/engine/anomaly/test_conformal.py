"""p-values: by hand, uniform on normal scores, by class, by group, and what cannot be promised."""

import numpy as np
import pytest
from scipy.stats import kstest

from engine.anomaly import Conformal, benjamini_hochberg, bonferroni
from engine.core.errors import BadSetting, BlindspotError
from engine.evaluation.detection.standing import first_line

FOUR = Conformal(np.array([1.0, 2.0, 2.0, 5.0]))


def test_p_counts_the_normal_images_at_least_as_unusual_and_none_are_refused():
    assert FOUR.p(np.array([0.0, 2.0, 4.0, 9.0])) == pytest.approx([1.0, 0.8, 0.4, 0.2])
    assert FOUR.smallest == pytest.approx(0.2)
    with pytest.raises(BlindspotError, match="no normal images left"):
        Conformal(np.array([]))
    assert Conformal(np.array([1.0])).p(np.array([9.0])) == pytest.approx([0.5])
    assert Conformal(np.full(50, 2.0)).p(np.array([2.0])) == pytest.approx([1.0])


def test_a_tie_counts_by_a_random_share_and_lies_between_its_ends():
    result = FOUR.p(np.full(4000, 2.0), np.random.default_rng(0))
    assert result.min() >= 0.2
    assert result.max() <= 0.8
    assert result.mean() == pytest.approx(0.5, abs=0.01)


def test_with_random_ties_p_is_uniform_also_when_scores_are_coarse():
    rng = np.random.default_rng(0)
    results = []
    for _ in range(3000):
        scores = np.floor(4 * rng.random(20))
        results.append(Conformal(scores[:-1]).p(scores[-1:], rng)[0])
    assert kstest(results, "uniform").statistic < 0.03


def test_the_line_flags_exactly_the_images_whose_p_is_at_most_alpha():
    ruler = Conformal(np.random.default_rng(2).normal(size=200))
    scores = np.random.default_rng(3).normal(size=500)
    for alpha in (0.005, 0.05, 0.2):
        assert np.array_equal(scores > ruler.threshold(alpha), ruler.p(scores) <= alpha)


def test_the_band_is_the_sheet_s_and_many_normal_sets_fall_into_it_nine_times_in_ten():
    low, high = Conformal(np.arange(200.0)).band(0.05)
    assert (low, high) == pytest.approx((0.027, 0.077), abs=0.0006)
    from scipy.stats import norm

    rng = np.random.default_rng(4)
    rulers = [Conformal(rng.normal(size=200)) for _ in range(1500)]
    low, high = rulers[0].band(0.05)
    rates = np.array([norm.sf(ruler.threshold(0.05)) for ruler in rulers])
    assert ((low <= rates) & (rates <= high)).mean() == pytest.approx(0.9, abs=0.025)


def test_an_alpha_that_cannot_be_promised_is_refused_with_what_would_be_needed():
    with pytest.raises(BadSetting, match=r"With 4 normal images .* 20 % .*99 for 1 %"):
        FOUR.threshold(0.01)
    assert FOUR.threshold(0.2) == 5.0
    for alpha in (0, 1, 1.5):
        with pytest.raises(BadSetting, match="between 0 and 1"):
            FOUR.rank(alpha)
    # 0.29 · 100 and 0.07 · 100 lie beside 29 and 7 in floating point
    many = Conformal(np.arange(1.0, 100))
    assert [many.threshold(alpha) for alpha in (0.07, 0.29, 0.299, 0.01)] == [93, 71, 71, 99]


def test_by_class_only_images_of_the_predicted_class_are_compared_with():
    scores = np.concatenate([np.arange(30.0), np.arange(100.0, 130.0)])
    ruler = Conformal(scores, np.repeat([0, 1], 30))
    odd_scores = np.array([50.0, 50.0])
    assert ruler.p(odd_scores) == pytest.approx([31 / 61] * 2)
    assert ruler.p_by_class(odd_scores, np.array([0, 1])) == pytest.approx([1 / 31, 1.0])
    few = Conformal(np.arange(39.0), np.repeat([0, 1], [19, 20]))
    assert few.of_class(0) is few  # too few of that class: all count
    assert few.of_class(1).scores.tolist() == [*range(19, 39)]


def test_by_group_a_group_counts_once_however_many_images_it_has():
    ruler = Conformal(np.array([3.0] * 98 + [0.0, 9.0]), groups=np.array([7] * 98 + [8, 9]))
    assert ruler.smallest_by_group == pytest.approx(0.25)
    assert ruler.p_by_group(np.array([2.0, 10.0])) == pytest.approx([3 / 4, 1 / 4])
    assert np.isnan(FOUR.p_by_group(np.array([1.0])))
    assert (ruler.independent, FOUR.independent) == (3, 4)
    assert ruler.verdict_p(np.array([2.0, 10.0])) == pytest.approx([3 / 4, 1 / 4])
    assert FOUR.verdict_p(np.array([2.0, 10.0])) == pytest.approx([4 / 5, 1 / 5])


def test_the_line_by_group_is_the_lowest_above_which_p_is_at_most_alpha():
    rng = np.random.default_rng(4)
    ruler = Conformal(rng.normal(size=120), groups=np.repeat(np.arange(24), 5))
    scores = rng.normal(size=500) * 2
    for alpha in (ruler.smallest_by_group, 2 / 25, 0.2, 0.5):
        flagged = scores > ruler.threshold_by_group(alpha)
        assert np.array_equal(flagged, ruler.p_by_group(scores) <= alpha + 1e-9)
    with pytest.raises(BadSetting, match="24 groups"):
        ruler.threshold_by_group(ruler.smallest_by_group - 1e-6)
    assert first_line(ruler, 0.2) == (ruler.threshold_by_group(0.2), "")
    pooled = Conformal(ruler.scores)
    assert first_line(pooled, 0.2) == (np.sort(ruler.scores)[-24], "")  # 24 of 121
    for strict, words in ((ruler, "24 groups"), (pooled, "120 normal images")):
        line, problem = first_line(strict, 0.008)
        assert line == ruler.scores.max()
        assert words in problem


def test_benjamini_and_hochberg_is_written_again_and_keeps_the_share_of_false_flags():
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.5, 0.02])
    ordered = sorted(p)
    most = max(k for k in range(1, 7) if ordered[k - 1] <= 0.05 * k / 6)
    assert benjamini_hochberg(p, 0.05).tolist() == [p_value <= ordered[most - 1] for p_value in p]
    assert not benjamini_hochberg(np.array([0.9, 0.8]), 0.05).any()
    assert benjamini_hochberg(np.array([0.5, 0.25, 0.51]), 0.75).tolist() == [True, True, True]
    assert benjamini_hochberg(np.array([0.5, 0.25, 0.76]), 0.75).tolist() == [True, True, False]
    for level in (0, 1):
        with pytest.raises(BadSetting, match="between 0 and 1"):
            benjamini_hochberg(p, level)
    assert benjamini_hochberg(np.array([]), 0.05).tolist() == []
    rng = np.random.default_rng(7)
    shares = []
    for _ in range(800):
        ruler = Conformal(rng.normal(size=999))
        scores = np.concatenate([rng.normal(size=40), rng.normal(4, 1, size=10)])
        flagged = benjamini_hochberg(ruler.p(scores), 0.1)
        shares.append(flagged[:40].sum() / max(flagged.sum(), 1))
    assert np.mean(shares) <= 0.1


def test_the_lowest_of_several_p_values_is_paid_for():
    assert bonferroni(np.array([0.01, 0.4, 0.03])) == pytest.approx(0.03)
    assert bonferroni(np.array([0.6, 0.9])) == 1.0


def test_normal_images_are_flagged_at_most_as_often_as_promised():
    rng = np.random.default_rng(1)
    for alpha in (0.05, 0.1, 0.3):
        flagged = [
            (Conformal(rng.normal(size=99)).p(rng.normal(size=50)) <= alpha).mean()
            for _ in range(400)
        ]
        assert np.mean(flagged) == pytest.approx(alpha, abs=0.01)


def test_p_by_class_is_uniform_within_each_class_where_the_pooled_one_is_not():
    rng = np.random.default_rng(5)

    def drawn(count):
        labels = rng.integers(2, size=count)
        return rng.normal(size=count) + 2.0 * labels, labels

    ruler = Conformal(*drawn(2000))
    scores, seen = drawn(1000)
    p_values = ruler.p_by_class(scores, seen)
    for label in (0, 1):
        assert kstest(p_values[seen == label], "uniform").statistic < 0.08
        assert kstest(ruler.p(scores)[seen == label], "uniform").statistic > 0.15


def test_by_group_p_keeps_its_promise_where_images_of_a_group_are_alike():
    rng = np.random.default_rng(6)
    pooled, grouped = [], []
    for _ in range(1500):
        shift = 3 * rng.normal(size=10)
        scores = shift[:, None] + 0.1 * rng.normal(size=(10, 20))
        ruler = Conformal(scores[:-1].ravel(), groups=np.repeat(np.arange(9), 20))
        score = scores[-1, :1]
        pooled.append(ruler.p(score)[0] <= 0.02)
        grouped.append(ruler.p_by_group(score)[0] <= 0.1)
    assert np.mean(pooled) > 0.06  # three times what it says
    assert np.mean(grouped) <= 0.115
