"""What the trial of the eight explainers says, and what the paper's experiments say."""

import numpy as np
import pytest
import torch

from engine.attribution.lfa import LFA, ROWS, LFAExperiments, findings
from engine.attribution.lfa.shares import CHANGES, fresh_shares, ranked
from engine.case import ImageCase
from engine.models.classifier import Classifier
from engine.result import Table
from tests import tiny

SMALL = "Small changes of brightness"


def table_of(values):
    columns = tuple(f"in {name}'s" for name in ROWS)
    return Table.grid(np.array(values, np.float32), ROWS, columns, ("logit²",) * 8)


def trial(lost, still=1.0):
    """An answer of LFA with these losses at fresh samples, and one loss of no change."""
    base = Table.grid(np.full((1, 8), still, np.float32), ("squared loss",), ROWS, ("",) * 8)
    return {"fresh squared loss": table_of(lost), "fresh no change": base}


def test_shares_are_one_less_the_loss_over_that_of_no_change():
    result = trial(np.outer(np.arange(8), np.ones(8)), 4)
    assert fresh_shares(result)[:, 0] == pytest.approx(1 - np.arange(8) / 4)
    sentence = findings.advice(result, SMALL)
    assert "trust C-LIME here: it predicts over 99.9 %" in sentence
    assert sentence.endswith("of the change in score, SmoothGrad, the next, 75.0 %.")
    assert findings.share_text(-0.75) == "worse than predicting no change"


@pytest.mark.parametrize("lost", [0, 1])
def test_where_nothing_moves_no_share_is_made_up(lost):
    result = trial(np.full((8, 8), lost), 0)
    assert np.isnan(fresh_shares(result)).all()
    assert "needs no explanation" in findings.advice(result, "The whole image fading")


def test_the_ranking_of_a_change_has_its_own_neighborhood_and_both_samples():
    lost = np.arange(64).reshape(8, 8) / 64
    fresh, reversed_trial = trial(lost), trial(lost[::-1])
    result = fresh | {
        "squared loss": reversed_trial["fresh squared loss"],
        "no change": reversed_trial["fresh no change"],
    }
    for change, neighborhood in CHANGES.items():
        table = ranked(result, change)
        at = ROWS.index(neighborhood)
        assert table.rows == ROWS
        assert table["predicted"] == pytest.approx(1 - lost[:, at])
        assert table["at its own samples"] == pytest.approx(1 - lost[::-1, at])


def test_no_free_lunch_names_the_winner_that_loses_most_elsewhere():
    values = np.full((8, 8), 2.0)
    np.fill_diagonal(values, 0.1)
    values[ROWS.index("LIME"), ROWS.index("C-LIME")] = 90
    sentence = findings.free_lunch(trial(values))
    assert "5 kinds of change have 5 different best explainers" in sentence
    assert "LIME is best for parts taken away, many at once, but for small changes" in sentence


def test_what_no_explainer_predicts_is_said_to_be_predicted_by_none():
    values = np.full((8, 8), 0.5)
    values[ROWS.index("Gradient")] = 0.4
    values[:, ROWS.index("LIME")] = np.linspace(1, 2, 8)  # the first as good as saying nothing
    result = trial(values)
    sentence = findings.advice(result, "Parts taken away, many at once")
    assert "trust none of the eight here" in sentence
    assert "C-LIME comes nearest" in sentence
    assert "trust Gradient here" in findings.advice(result, "The whole image fading")
    sentence = findings.free_lunch(result)
    assert "Gradient predicts what can be predicted at all best." in sentence
    assert "None is of use for parts taken away, many at once." in sentence


def test_where_all_are_worse_than_nothing_none_is_the_best():
    assert "none of the eight is of use for any" in findings.free_lunch(trial(np.full((8, 8), 3.0)))


def test_only_where_an_explainer_is_the_measurement_itself_that_is_said():
    sentences = {change: findings.best_measured(change) for change in CHANGES}
    assert [change for change in sentences if sentences[change]] == [
        "Parts taken away, one at a time"
    ]
    assert sentences["Parts taken away, one at a time"].startswith(
        "Occlusion is this very measurement"
    )


def test_those_that_lose_least_in_their_own_column_are_best_at_home():
    values = np.ones((8, 8))
    values[[0, 1, 2], [0, 1, 2]] = 0.5
    values[4, 3] = 0.1  # another is better in the fourth's
    values[0, 4:] = 0.2
    assert findings.best_at_home(table_of(values)) == "3 of 8 are best at home."


def test_the_color_of_nothing_is_said():
    def told(*mean):
        model = Classifier(tiny.Cnn(), "toy", "toy", side=8, mean=mean)
        return findings.nothing(ImageCase(model, torch.zeros(3, 8, 8), 0))

    assert "the color (124, 116, 104) of 255" in told(0.485, 0.456, 0.406)
    assert "means black" in told(0.0, 0.0, 0.0)


def test_whose_features_move_the_score_most_is_read_from_the_right_end():
    values = np.array([[1.0, 1.0], [3.0, 5.0], [0.5, 0.2]], np.float32)
    view = Table.grid(values, ("A", "B", "C"), ("1 features", "2 features"), ("logit", "logit"))
    assert findings.feature_effects(view, "strongest") == "Moved most on average by those of B: 4."
    assert (
        findings.feature_effects(view, "weakest") == "Moved least on average by those of C: 0.35."
    )
    assert findings.settled(view) == "From 1 features to 2 features: A 1 → 1; B 3 → 5; C 0.5 → 0.2."


def test_an_error_below_a_hundredth_of_the_weights_counts_as_found():
    errors = Table.of({"error": ([0.0, 0.0099, 0.01, np.nan], "of the weights")}, list("ABCD"))
    assert findings.recovered(errors) == (
        "Who finds a linear model exactly: A, B. Not with so few samples: C (1 % off), "
        "D (not known)."
    )
    assert findings.recovered(errors.take([0])) == "Who finds a linear model exactly: A."


def test_the_shell_hears_what_the_page_says():
    model = tiny.mlp()
    case = ImageCase(model, tiny.image(8), 1)
    trial_of, experiments = LFA(features="pixels", samples=50), LFAExperiments(count=4, samples=50)
    result = trial_of(case)
    assert (
        trial_of.finding(case, result)
        == f"{findings.advice(result, SMALL)} {findings.free_lunch(result)}"
    )
    result = experiments(case)
    assert experiments.finding(case, result) == findings.recovered(result["recovery"])
