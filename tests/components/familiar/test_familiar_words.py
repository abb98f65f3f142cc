"""What Familiar? says: true words over figures that it did not make up."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from components.familiar import closer, verdict
from engine.anomaly import KNN, Corrupt
from engine.anomaly.protocol.conformal import COUNTS, RULES
from engine.result import Scores
from engine.run import Answer
from tests import tiny

CASE = tiny.familiar_case(tiny.cnn())


def test_what_is_not_known_is_left_out_of_the_measures():
    table = verdict.turned(KNN()(CASE)["measures"])
    assert np.isfinite(table.values).all()
    assert "AUROC" in table.rows


def test_the_step_is_told_in_words():
    found = Corrupt(images=8)(CASE)
    steps = dict(zip(found["steps"].columns, found["steps"].values.T, strict=True))
    flagged = 100 * (found["flags"].values <= 0.2).mean(0)
    words = closer.step_finding(SimpleNamespace(case=CASE, alpha=0.2), found, 4, "KNN")
    assert f"{steps['score of the image'][4]:.3g}" in words
    assert f"{flagged[4]:.0f} % of normal images" in words
    assert f"tells {100 * steps['accuracy'][4]:.0f} % of them right" in words


def test_the_steps_are_drawn_from_the_p_values_of_the_normal_images():
    found = Corrupt(images=8)(CASE)
    table = closer.steps_of(found, 0.2)
    figure = closer.steps_chart(table, 0.5, 0.2).figure(table)
    flagged = next(trace for trace in figure.data if "flagged at 20 %" in trace.name)
    assert list(flagged.y) == pytest.approx((100 * (found["flags"].values <= 0.2).mean(0)).tolist())
    assert figure.layout.shapes[-1].x0 == 0.5


def verdict_of(least, p, by_group=np.nan, groups=0, alpha=0.05, unlike=False):
    """The sentence about an image, by its p-values."""
    floor = 1 / (groups + 1) if groups else np.nan
    found = {
        "counts": Scores(np.array([200, 0, least], np.float32), COUNTS, "images"),
        "p": Scores(np.array([p, np.nan, by_group], np.float32), RULES, "p-value"),
        "smallest": Scores(np.array([1 / 201, np.nan, floor], np.float32), RULES, "p-value"),
    }
    case = SimpleNamespace(normal=SimpleNamespace(name="phantoms"))
    asked = SimpleNamespace(method=KNN(), case=case, alpha=alpha, unlike=unlike)
    return verdict.sentence(asked, Answer(found, {}, kept=True))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((0, 1 / 201), "More unusual than every one of 200 normal images by KNN (p = 0.005)."),
        ((1, 2 / 201), "More unusual than 199 of 200 normal images by KNN (p = 0.01)."),
        ((150, 151 / 201), "Nothing unusual by KNN: 150 of 200 normal images"),
        ((15, 16 / 201), "Nothing unusual by KNN: 15 of 200 normal images"),
        ((2, 3 / 201, 0.3, 60), "Nothing unusual by KNN: 2 of 200"),
        ((0, 1 / 201, 1 / 31, 30, 0.02), "No verdict at 2 % false alarms: 30 independent"),
        ((150, 151 / 201, np.nan, 0, 0.05, True), "KNN misses it: 150 of 200 normal images"),
        ((0, 1 / 201, 0.2, 4), "No verdict: 4 independent normal patients, and 20 are needed."),
    ],
)
def test_the_sentence_says_unusual_only_where_the_p_value_it_names_is_below_the_line(given, words):
    assert verdict_of(*given).startswith(words)
