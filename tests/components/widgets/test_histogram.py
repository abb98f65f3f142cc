"""The histogram sends what is true, and takes only answers to its own question."""

from dataclasses import replace

import numpy as np
import pytest

from components.widgets import histogram

RNG = np.random.default_rng(0)


def random_scores(**changed):
    arguments = {"normal": RNG.normal(size=50), "held": RNG.normal(size=40)}
    arguments |= {"unknown": RNG.normal(3, 1, 20), "subject": 2.5, "line": 1.5, "unit": "logit"}
    return histogram.ScoreDistributions(**(arguments | changed))


def test_every_score_and_both_marks_lie_within_the_bars_and_equal_scores_have_an_axis():
    distributions = random_scores(subject=40.0, line=-7.0)
    edges = histogram.edges_of(distributions)
    assert edges[0] < -7.0
    assert edges[-1] > 40.0
    for scores in (distributions.normal, distributions.unknown):
        assert sum(histogram.bar_shares(scores, edges)) == pytest.approx(1.0, abs=1e-3)
    same = {"normal": np.full(9, 2.0), "unknown": np.empty(0), "subject": 2.0, "line": 2.0}
    edges = histogram.edges_of(random_scores(**same))
    assert edges[0] < 2.0 < edges[-1]


def test_the_browser_counts_from_the_very_scores_and_none_twice():
    distributions = random_scores()
    sent = histogram.histogram_payload(distributions, distributions.line)
    assert sent["normal"] == sorted(distributions.normal.tolist())
    assert sent["held"] == sorted(distributions.held.tolist())
    above = sum(score > distributions.line for score in sent["normal"])
    assert above == (distributions.normal > distributions.line).sum()
    normal = random_scores().normal
    assert histogram.histogram_payload(random_scores(held=normal, normal=normal), 1.5)["held"] == []


def test_an_answer_counts_only_for_the_question_it_was_given_to():
    distributions = random_scores()
    tag = histogram.tag_of(distributions)
    assert histogram.tag_of(replace(distributions, line=1.25)) != tag  # another first line
    assert histogram.selected_line({"line": {"tag": tag, "line": 0.25}}, tag, distributions) == 0.25
    odd_lines = ("x", {"tag": "other", "line": 0.25}, {"tag": tag})
    odd_lines += tuple({"tag": tag, "line": line} for line in ("<b>", float("nan"), 1e9))
    for odd in (None, {}, *({"line": line} for line in odd_lines)):
        assert histogram.selected_line(odd, tag, distributions) == 1.5
