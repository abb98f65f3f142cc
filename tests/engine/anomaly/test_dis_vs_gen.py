"""Naive Bayes is its closed form, and the curves of both probes are those of slow fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from engine import data as data_sets
from engine.anomaly import DisVsGenExperiment
from engine.anomaly.experiments.dis_vs_gen import (
    ALL,
    COUNTS,
    FEW,
    FREE,
    LR,
    LR_FINDS,
    MANY,
    NB,
    NB_FINDS,
    Moments,
    NaiveBayes,
    cosine,
    rows_of_all_classes,
    scaled,
    tinted,
)
from engine.errors import BadData
from engine.experiment import ExperimentCase
from tests import tiny


def digits(seed=0):
    return ExperimentCase(data_sets.load("digits"), seed)


def points(n=60, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    return rng.normal(labels[:, None], (1, 2, 0.5, 3), (n, 4)), labels


def slow_bayes(x, labels, test, classes, floor=1e-3):
    """log p(x, class) of every test point, by full covariance matrices that are diagonal."""
    within = np.mean([(row - x[labels == k].mean(0)) ** 2 for row, k in zip(x, labels)], 0)  # noqa: B905
    densities = [
        multivariate_normal(x[labels == k].mean(0), np.diag(within + floor)).logpdf(test)
        + np.log(np.mean(labels == k))
        for k in range(classes)
    ]
    return np.stack(densities, 1)


def test_the_curves_cross_and_every_figure_is_that_of_a_slow_fit():
    result = DisVsGenExperiment(seeds=2)(digits())["runs"]
    data = digits().data
    test, images = data.rows("test"), data.images.reshape(len(data.images), -1) / 255
    for row in (0, 3, 6, 8):  # 20, 200 and all labels; 30 of the second seed
        name, seed = result.rows[row], int(result["seed"][row])
        rows = rows_of_all_classes(digits(seed), 0 if name == ALL else int(name.split()[0]))
        for class_count, classes, names in ((10, 10, (NB, LR, FREE)), (6, 6, (NB_FINDS, LR_FINDS))):
            train_rows = rows[data.labels[rows] < class_count]
            low, width = images[train_rows].min(0), np.ptp(images[train_rows], axis=0)
            x, other = ((images[r] - low) / (width + (width == 0)) for r in (train_rows, test))
            joint = slow_bayes(x, data.labels[train_rows], other, classes)
            fits = {
                c: LogisticRegression(C=c, max_iter=1000).fit(x, data.labels[train_rows])
                for c in (1, 1000)
            }
            if class_count == 10:
                right = joint.argmax(1), *(fit.predict(other) for fit in fits.values())
                expected = [np.mean(predictions == data.labels[test]) for predictions in right]
            else:
                density = np.logaddexp.reduce(joint, axis=1)
                scores = -density, -fits[1].predict_proba(other).max(1)
                expected = [roc_auc_score(data.labels[test] >= 6, score) for score in scores]
            assert [result[name][row] for name in names] == pytest.approx(expected, abs=2e-3)


def test_naive_bayes_leads_with_few_labels_and_logistic_regression_with_many():
    method, lead = DisVsGenExperiment(), {}
    for name in (FEW, MANY):
        count = int(name.split()[0])
        figures = [method.measured(count, digits(seed)) for seed in range(10)]
        lead[name] = np.mean([figure[NB] - figure[LR] for figure in figures])
        lead[name, FREE] = np.mean([figure[NB] - figure[FREE] for figure in figures])
    assert lead[FEW] > 0
    assert lead[MANY] < -0.03
    assert lead[FEW, FREE] < 0  # it is the penalty that loses with few labels


def test_it_is_the_linear_classifier_of_its_weights_and_a_diagonal_mahalanobis_distance():
    x, labels = points()
    bayes = NaiveBayes.of(Moments.of(x, labels, 3), 0.0)
    assert ((x @ bayes.weights.T + bayes.biases).argmax(1) == bayes.joint(x).argmax(1)).all()
    assert bayes.joint(x) == pytest.approx(slow_bayes(x, labels, x, 3, floor=0))
    away = ((x[:, None] - bayes.means) ** 2 / bayes.variance).sum(-1)
    assert (replace(bayes, log_priors=np.zeros(3)).joint(x).argmax(1) == away.argmin(1)).all()
    density = np.exp(slow_bayes(x, labels, x, 3, floor=0)).sum(1)
    assert bayes.unusual(x) == pytest.approx(-np.log(density))


@pytest.mark.parametrize("cut", [1, 20, 59])
def test_two_halves_add_up_to_one_fit(cut):
    x, labels = points()
    whole = Moments.of(x, labels, 3)
    both = Moments.of(x[:cut], labels[:cut], 3) + Moments.of(x[cut:], labels[cut:], 3)
    for name in ("counts", "means", "squares"):
        assert getattr(both, name) == pytest.approx(getattr(whole, name), abs=1e-8)


def test_labels_are_drawn_anew_until_every_class_is_there():
    data = digits().data
    for seed in range(20):
        rows = rows_of_all_classes(digits(seed), COUNTS[0])
        assert len(rows) == len(set(rows.tolist())) == 20
        assert set(data.labels[rows]) == set(range(10))
        assert set(rows) <= set(data.rows("train"))
    assert rows_of_all_classes(digits(), 0).tolist() == data.rows("train").tolist()


def test_pixels_are_scaled_by_the_labeled_images_alone():
    rows, test = rows_of_all_classes(digits(), 30), digits().data.rows("test")
    train_pixels, other = scaled(digits(), rows, test)
    assert train_pixels.min() == 0
    assert train_pixels.max() == 1
    assert other.max() > 1
    assert scaled(digits(), rows)[0].tolist() == train_pixels.tolist()


def test_settings_reach_the_fits():
    plain = DisVsGenExperiment().measured(30, digits())
    loose = DisVsGenExperiment(floor=0.1).measured(30, digits())
    assert plain[NB] != loose[NB]
    assert plain[LR] == loose[LR]
    assert DisVsGenExperiment(c=1000.0).measured(30, digits())[LR] == plain[FREE]


def test_the_picture_has_the_weights_of_both():
    picture = DisVsGenExperiment().picture(digits())
    assert picture.rows == ("Bayes, 30", "logistic, 30", "Bayes, all", "logistic, all")
    (x,) = scaled(digits(), rows_of_all_classes(digits(), 0))
    labels = digits().data.labels[rows_of_all_classes(digits(), 0)]
    means = np.stack([x[labels == k].mean(0) for k in range(10)])
    weights = means / (np.mean((x - means[labels]) ** 2, 0) + 1e-3)
    expected = (weights - weights.mean(0)) * x.std(0)
    assert (picture.images[2] == tinted(expected, digits().data)).all()
    assert cosine(expected, 3 * expected) == pytest.approx(1)


def test_too_few_images_are_refused_in_words():
    with pytest.raises(BadData, match="at least 401 train images; Columns has 24"):
        DisVsGenExperiment().measured(30, ExperimentCase(tiny.columns(8, ("a", "b", "c"))))
