"""SMOTE: its points lie where they must, and their covariance is its closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from engine import data as data_sets
from engine.anomaly import SmoteExperiment
from engine.anomaly.experiments.smote import (
    ANY,
    AS_IT_IS,
    AUC,
    COPIES,
    FLAGGED,
    NEAREST,
    RECALL,
    SPREAD,
    covariance,
    imbalanced,
    neighbors,
    smote,
)
from engine.errors import BadData
from engine.experiment import ExperimentCase
from tests import tiny

COUNT = 200_000


def points(n=12, dimensions=3, seed=0):
    return np.random.default_rng(seed).normal(0, (1, 2, 4), (n, dimensions))


def digits(seed=0):
    return ExperimentCase(data_sets.load("digits"), seed)


@pytest.mark.parametrize("box", [False, True])
@pytest.mark.parametrize("k", [1, 4, 11])
def test_drawn_points_have_the_closed_form_s_covariance(k, box):
    drawn = smote(points(), COUNT, k, np.random.default_rng(1), box=box)
    expected = covariance(points(), k, box=box)
    assert np.cov(drawn.T, bias=True) == pytest.approx(expected, abs=0.02 * np.trace(expected))
    assert not np.allclose(expected, np.cov(points().T, bias=True), rtol=0.1)


@pytest.mark.parametrize("n", [2, 5, 15, 60])
def test_between_any_two_points_it_is_two_thirds_less_a_term_in_n(n):
    real = np.cov(points(n).T, bias=True)
    assert covariance(points(n), n) == pytest.approx((2 / 3 - 1 / (3 * (n - 1))) * real)


def test_the_covariance_of_what_it_draws_is_its_closed_form():
    """The whole experiment, on digits: its spreads are those of a few hundred draws."""
    found = SmoteExperiment(seeds=3)(digits())["runs"]
    for row, condition in enumerate(found.rows):
        rare = imbalanced(digits(int(found["seed"][row])), 15).rare
        expected = {
            AS_IT_IS: rare.var(0).sum(), COPIES: rare.var(0).sum(),
            NEAREST: np.trace(covariance(rare, 5)), ANY: np.trace(covariance(rare, 14)),
        }  # fmt: skip
        share = expected[condition] / rare.var(0).sum()
        assert found[SPREAD][row] == pytest.approx(share, abs=0.05)


def test_every_figure_is_that_of_a_tree_grown_by_hand():
    asked = digits(3)
    found = SmoteExperiment(seeds=1)(asked)["table"]
    given = imbalanced(asked, 15)
    train, test = (asked.data.rows(split) for split in ("train", "test"))
    labels = asked.data.labels
    images = asked.data.images.reshape(len(labels), -1) / 255
    assert len(given.others) == (labels[train] != 3).sum()
    assert {tuple(one) for one in given.rare} <= {tuple(one) for one in images[labels == 3]}
    limit = np.quantile(cdist(images[test][labels[test] != 3], given.others).min(1), 0.95)
    for way in (AS_IT_IS, COPIES, NEAREST, ANY):
        added = SmoteExperiment().added(way, given, asked)
        assert len(added) == (0 if way == AS_IT_IS else len(given.others) - 15)
        known = np.concatenate([given.others, given.rare, added])
        tree = DecisionTreeClassifier(random_state=3)
        tree.fit(known, [at >= len(given.others) for at in range(len(known))])
        sure, rare = tree.predict_proba(images[test])[:, 1], labels[test] == 3
        nearest = cdist(images[test][rare], known).min(1)
        assert found.cell(way, RECALL) == pytest.approx(np.mean(sure[rare] > 0.5))
        assert found.cell(way, AUC) == pytest.approx(roc_auc_score(rare, sure))
        assert found.cell(way, FLAGGED) == pytest.approx(np.mean(nearest > limit))
    assert found.cell(COPIES, FLAGGED) == found.cell(AS_IT_IS, FLAGGED)  # copies are not nearer


@pytest.mark.parametrize("k", [1, 3, 99])
def test_each_point_lies_between_a_point_and_one_of_its_nearest(k):
    real, drawn = points(), smote(points(), 500, k, np.random.default_rng(2))
    near = neighbors(real, k)
    assert near.shape == (12, min(k, 11))
    starts, ends = real.repeat(near.shape[1], 0), real[near.ravel()]
    steps = ends - starts
    place = ((drawn[:, None] - starts) * steps).sum(-1) / (steps**2).sum(-1)
    off = np.linalg.norm(starts + place[..., None] * steps - drawn[:, None], axis=-1)
    between = (off < 1e-9) & (place >= 0) & (place < 1)
    assert between.any(1).all()


def test_a_box_leaves_the_segments_and_stays_between_the_corners():
    drawn = smote(points(2), 200, 1, np.random.default_rng(3), box=True)
    assert (drawn >= points(2).min(0)).all()
    assert (drawn <= points(2).max(0)).all()
    assert np.linalg.matrix_rank(drawn - points(2)[0], tol=1e-6) == 3


def test_neighbors_are_the_nearest_others_of_a_plain_loop():
    real = points()
    for at, found in enumerate(neighbors(real, 3)):
        ordered = sorted(range(12), key=lambda one: np.linalg.norm(real[one] - real[at]))
        assert found.tolist() == ordered[1:4]


def test_settings_reach_what_is_drawn():
    asked, given = digits(), imbalanced(digits(), 10)
    assert len(given.rare) == 10
    assert len(SmoteExperiment(amount=250).added(NEAREST, given, asked)) == 25
    plain = SmoteExperiment(k=1).added(NEAREST, given, asked)
    assert not np.array_equal(plain, SmoteExperiment(k=2).added(NEAREST, given, asked))
    assert not np.array_equal(plain, SmoteExperiment(k=1, box=True).added(NEAREST, given, asked))
    figures = [SmoteExperiment(learner=one).measured(NEAREST, asked)[AUC] for one in
               ("decision tree", "naive Bayes", "logistic regression")]  # fmt: skip
    assert len(set(figures)) == 3


def test_the_picture_has_means_and_spreads_of_what_it_shows():
    picture, given = SmoteExperiment().picture(digits()), imbalanced(digits(), 15)
    assert picture.rows == ("15 real", NEAREST, ANY)
    assert picture.columns[-2:] == ("mean", "spread × 2")
    spread = np.rint(255 * 2 * given.rare.std(0).clip(0, 0.5)).reshape(8, 8)
    assert (picture.images[0, -1, :, :, 0] == spread).all()
    assert "100 % (15 real)" in picture.finding
    means = picture.images[:, -1].mean((1, 2, 3))
    assert means[2] < 0.9 * means[0]  # the spread shrinks


def test_a_class_with_one_image_is_refused_in_words():
    data = tiny.columns(8, ("a", "b", "c"))
    alike = replace(data, images=np.zeros_like(data.images))
    with pytest.raises(BadData, match="two different training images"):
        SmoteExperiment().measured(NEAREST, ExperimentCase(alike))
    with pytest.raises(BadData, match="at least 20 train images"):
        SmoteExperiment().picture(ExperimentCase(replace(data, split=np.full(48, 2, np.uint8))))
