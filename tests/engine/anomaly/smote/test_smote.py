"""SMOTE: its points lie where they must, and their covariance is its closed form."""

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.tree import DecisionTreeClassifier

from engine.anomaly import SmoteExperiment
from engine.anomaly.smote.between import covariance, in_danger, neighbors, smote, spread_of
from engine.anomaly.smote.experiment import (
    ANY,
    AS_IT_IS,
    AUC,
    COPIES,
    DRAWN,
    FEWER,
    FLAGGED,
    HULL,
    NEAREST,
    REAL,
    RECALL,
    SEGMENTS,
    SPREAD,
    imbalanced,
)
from engine.core.errors import BadData
from engine.evaluation.experiment import ExperimentCase
from engine.vision import data as data_sets
from engine.vision.models import catalog
from engine.vision.models.layers import capturing
from tests import tiny

COUNT = 200_000


def points(n=12, dimensions=3, seed=0):
    return np.random.default_rng(seed).normal(0, (1, 2, 4), (n, dimensions))


def digits(seed=0):
    return ExperimentCase(data_sets.load("digits"), seed)


@cache
def table_of_threes():
    return SmoteExperiment(seeds=1)(digits(3))["table"]


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
    result = SmoteExperiment(seeds=3)(digits())["runs"]
    for row, condition in enumerate(result.rows):
        rare = imbalanced(digits(int(result["seed"][row])), 15).rare
        between = {NEAREST: 5, ANY: 14}.get(condition)
        spread = np.trace(covariance(rare, between)) if between else rare.var(0).sum()
        share = spread / rare.var(0).sum()
        assert result[SPREAD][row] == pytest.approx(share, abs=0.05)


def test_every_figure_is_that_of_a_tree_grown_by_hand():
    digit_case = digits(3)
    result = table_of_threes()
    dataset = imbalanced(digit_case, 15)
    train, test = (digit_case.data.rows(split) for split in ("train", "test"))
    labels = digit_case.data.labels
    images = digit_case.data.images.reshape(len(labels), -1) / 255
    assert len(dataset.others) == (labels[train] != 3).sum()
    assert {tuple(image) for image in dataset.rare} <= {
        tuple(image) for image in images[labels == 3]
    }
    limit = np.quantile(cdist(images[test][labels[test] != 3], dataset.others).min(1), 0.95)
    for way in (AS_IT_IS, COPIES, NEAREST, ANY):
        added = SmoteExperiment().added(way, dataset, digit_case)
        assert len(added) == (0 if way == AS_IT_IS else len(dataset.others) - 15)
        known = np.concatenate([dataset.others, dataset.rare, added])
        sure, rare = by_a_tree(dataset.others, known, images[test]), labels[test] == 3
        nearest = cdist(images[test][rare], known).min(1)
        assert result.cell(way, RECALL) == pytest.approx(np.mean(sure[rare] > 0.5))
        assert result.cell(way, AUC) == pytest.approx(roc_auc_score(rare, sure))
        assert result.cell(way, FLAGGED) == pytest.approx(np.mean(nearest > limit))
    assert result.cell(COPIES, FLAGGED) == result.cell(AS_IT_IS, FLAGGED)  # copies are not nearer


def test_as_few_others_are_as_many_as_the_rare_images_and_the_tree_is_grown_on_them():
    digit_case = digits(3)
    dataset = SmoteExperiment().given(FEWER, digit_case)
    whole = imbalanced(digit_case, 15)
    assert len(dataset.others) == len(dataset.rare) == 15
    assert {tuple(image) for image in dataset.others} <= {tuple(image) for image in whole.others}
    known = np.concatenate([dataset.others, dataset.rare])
    sure = by_a_tree(dataset.others, known, dataset.test)
    result = table_of_threes()
    assert result.cell(FEWER, AUC) == pytest.approx(roc_auc_score(dataset.is_rare, sure))
    assert result.cell(FEWER, HULL) == result.cell(AS_IT_IS, HULL)  # it is one of that hull's
    usual = np.quantile(cdist(whole.held_out, whole.others).min(1), 0.95)
    away = cdist(dataset.test[dataset.is_rare], known).min(1)
    assert result.cell(FEWER, FLAGGED) == pytest.approx((away > usual).mean())


def by_a_tree(others, known, test):
    tree = DecisionTreeClassifier(random_state=3)
    tree.fit(known, np.arange(len(known)) >= len(others))
    return tree.predict_proba(test)[:, 1]


def test_the_hull_is_that_of_the_curves_at_every_share_of_the_others(monkeypatch):
    calls = []
    plain = SmoteExperiment.learned

    def learned(self, given, added, case):
        result = plain(self, given, added, case)
        calls.append((len(given.others), len(added), result))
        return result

    monkeypatch.setattr(SmoteExperiment, "learned", learned)
    method, digit_case = SmoteExperiment(learner="naive Bayes"), digits()
    x, y = method.hull(NEAREST, digit_case)
    dataset = method.given(NEAREST, digit_case)
    count = len(dataset.others)
    assert [size for size, *_ in calls] == [round(count * s) for s in (1, 0.5, 0.25, 0.1, 0.05)]
    assert {added for _, added, _ in calls} == {count - 15}  # the same images at each
    areas = [roc_auc_score(dataset.is_rare, sure) for *_, sure in calls]
    assert np.trapezoid(y, x) > max(areas)
    for *_, sure in calls:  # no curve has a point above it
        rates = roc_curve(dataset.is_rare, sure)
        assert (rates[1] <= np.interp(rates[0], x, y) + 1e-12).all()
    table = method.more(digit_case)["hulls"]
    assert table[NEAREST] == pytest.approx(np.interp(table["false alarms"], x, y))


def test_only_rare_images_at_the_border_begin_new_ones():
    others = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1], [0.5, 0.4]])
    rare = np.array([[0.5, 0.5], [2, 0.5], [9, 9], [9, 8], [8, 9], [8, 8]])
    assert in_danger(rare, others, 4).tolist() == [1]  # the first is among others only
    drawn = smote(rare, 50, 5, np.random.default_rng(0), starts=np.array([1]))
    steps = drawn - rare[1]
    ends = rare[[0, 2, 3, 4, 5]] - rare[1]
    across = abs(steps[:, None, 0] * ends[:, 1] - steps[:, None, 1] * ends[:, 0])
    assert (across.min(1) < 1e-9).all()
    digit_case, dataset = digits(), imbalanced(digits(), 15)
    method = SmoteExperiment(borderline=True)
    rows = in_danger(dataset.rare, dataset.others, 5)
    expected = smote(dataset.rare, 30, 5, np.random.default_rng([0, 31]), starts=rows)
    assert len(rows)
    added = replace(method, amount=200).added(NEAREST, dataset, digit_case)
    assert added == pytest.approx(expected)


def test_along_main_components_all_is_seen_and_drawn_in_so_many_numbers():
    digit_case = digits()
    dataset = SmoteExperiment(components=5).given(NEAREST, digit_case)
    whole = imbalanced(digit_case, 15)
    assert dataset.test.shape == (len(whole.test), 5)
    training = np.concatenate([whole.others, whole.rare])
    seen = dataset.pixels(np.concatenate([dataset.others, dataset.rare]))
    rest = (np.linalg.svd(training - training.mean(0))[1][5:] ** 2).sum()
    assert ((training - seen) ** 2).sum() == pytest.approx(rest)
    plain, along = (
        SmoteExperiment(seeds=1, components=dimensions)(digit_case) for dimensions in (None, 5)
    )
    assert plain["table"].cell(NEAREST, AUC) != along["table"].cell(NEAREST, AUC)
    assert plain["picture"].images.shape == along["picture"].images.shape


@pytest.mark.parametrize("k", [1, 3, 99])
def test_each_point_lies_between_a_point_and_one_of_its_nearest(k):
    real, drawn = points(), smote(points(), 500, k, np.random.default_rng(2))
    near = neighbors(real, k)
    assert near.shape == (12, min(k, 11))
    starts, ends = real.repeat(near.shape[1], 0), real[near.ravel()]
    steps = ends - starts
    place = ((drawn[:, None] - starts) * steps).sum(-1) / (steps**2).sum(-1)
    off = np.linalg.norm(starts + place[..., None] * steps - drawn[:, None], axis=-1)
    assert ((off < 1e-9) & (place >= 0) & (place < 1)).any(1).all()


def test_a_box_leaves_the_segments_and_stays_between_the_corners():
    drawn = smote(points(2), 200, 1, np.random.default_rng(3), box=True)
    assert (drawn >= points(2).min(0)).all()
    assert (drawn <= points(2).max(0)).all()
    assert np.linalg.matrix_rank(drawn - points(2)[0], tol=1e-6) == 3


def test_neighbors_are_the_nearest_others_of_a_plain_loop():
    real = points()
    for at, neighbor in enumerate(neighbors(real, 3)):
        ordered = sorted(range(12), key=lambda index: np.linalg.norm(real[index] - real[at]))
        assert neighbor.tolist() == ordered[1:4]


def test_settings_reach_what_is_drawn():
    digit_case, dataset = digits(), imbalanced(digits(), 10)
    assert len(dataset.rare) == 10
    fewer = SmoteExperiment(others=20).given(NEAREST, digit_case).others
    assert len(fewer) == len(dataset.others) // 5
    assert len(SmoteExperiment(amount=250).added(NEAREST, dataset, digit_case)) == 25
    plain, *others = (
        SmoteExperiment(**settings).added(NEAREST, dataset, digit_case)
        for settings in ({"k": 1}, {"k": 2}, {"k": 1, "box": True})
    )
    assert not any(np.array_equal(plain, other) for other in others)
    figures = [
        SmoteExperiment(learner=learner).measured(NEAREST, digit_case)[AUC]
        for learner in ("decision tree", "naive Bayes", "logistic regression")
    ]
    assert len(set(figures)) == 3


def test_the_picture_has_means_and_spreads_of_what_it_shows():
    picture, dataset = SmoteExperiment().picture(digits()), imbalanced(digits(), 15)
    assert picture.rows == ("15 real", NEAREST, ANY)
    assert picture.columns[-2:] == ("mean", "spread × 2")
    spread = np.rint(255 * 2 * dataset.rare.std(0).clip(0, 0.5)).reshape(8, 8)
    assert (picture.images[0, -1, :, :, 0] == spread).all()
    for way in (NEAREST, ANY):
        added = SmoteExperiment().added(way, dataset, digits())
        share = 100 * spread_of(added) / spread_of(dataset.rare)
        assert f"{share:.0f} % ({way})" in picture.finding
    means = picture.images[:, -1].mean((1, 2, 3))
    assert means[2] < 0.9 * means[0]  # the spread shrinks


def test_a_class_with_one_image_is_refused_in_words():
    data = tiny.columns(8, ("a", "b", "c"))
    alike = replace(data, images=np.zeros_like(data.images))
    with pytest.raises(BadData, match="two different training images"):
        SmoteExperiment().measured(NEAREST, ExperimentCase(alike))
    with pytest.raises(BadData, match="at least 20 train images"):
        SmoteExperiment().picture(ExperimentCase(replace(data, split=np.full(48, 2, np.uint8))))


def test_the_projection_has_real_images_new_ones_and_their_segments_in_one_plane():
    digit_case, method = digits(), SmoteExperiment(kept=12, k=3)
    table, rare = method.projection(digit_case), imbalanced(digit_case, 12).rare
    _, sizes, axes = np.linalg.svd(rare - rare.mean(0))
    flat = (rare - rare.mean(0)) @ axes[:2].T
    places = np.stack([table[name] for name in table.order], 1)
    of = {name: places[np.array(table.rows) == name] for name in dict.fromkeys(table.rows)}
    assert [len(drawn_points) for drawn_points in of.values()] == [12 * 3 * 3, 60, 12]
    signs = np.sign((of[REAL] * flat).sum(0))
    assert of[REAL] == pytest.approx(flat * signs)
    assert of[REAL].var(0) == pytest.approx(sizes[:2] ** 2 / 12)
    start, end, gap = of[SEGMENTS].reshape(-1, 3, 2).transpose(1, 0, 2)
    assert np.isnan(gap).all()
    assert end == pytest.approx(of[REAL][neighbors(rare, 3).ravel()])
    steps = end - start
    along = ((of[DRAWN][:, None] - start) * steps).sum(-1) / (steps**2).sum(-1)
    off = np.linalg.norm(start + along[..., None] * steps - of[DRAWN][:, None], axis=-1)
    assert ((off < 1e-9) & (along >= 0) & (along <= 1)).any(1).all()
    assert len(set(replace(method, amount=1000, kept=3).projection(digit_case).rows)) == 3


def test_where_each_pixel_is_drawn_on_its_own_no_segments_are_shown():
    digit_case, method = digits(), SmoteExperiment(kept=12, k=3)
    plain, boxed = (replace(method, box=box).projection(digit_case) for box in (False, True))
    assert Counter(plain.rows) - Counter(boxed.rows) == {SEGMENTS: 12 * 3 * 3}


def test_features_are_those_of_the_network_and_are_drawn_as_the_nearest_image():
    digit_case = digits()
    dataset = SmoteExperiment(space="features").given(NEAREST, digit_case)
    whole = imbalanced(digit_case, 15)
    model = catalog.load("digits-mlp")
    some = digit_case.data.rows("test")[:20]
    with capturing(model.head, inputs=True) as caught, torch.no_grad():
        model.network((digit_case.data.pixels(some) - model.mean) / model.std)
    assert dataset.test[:20] == pytest.approx(caught[0].numpy(), abs=1e-4)
    assert dataset.pixels(dataset.rare) == pytest.approx(whole.rare)
    assert dataset.along(5).pixels(dataset.along(5).rare).shape == whole.rare.shape
    added = SmoteExperiment(space="features").added(NEAREST, dataset, digit_case)
    blends = dataset.pixels(added[:50])
    real = np.concatenate([whole.others, whole.rare])
    assert {tuple(blend) for blend in blends} <= {tuple(image) for image in real}
    with pytest.raises(BadData, match="choose pixels"):
        imbalanced(ExperimentCase(tiny.columns(30, ("a", "b", "c"))), 5, "features")


def test_the_picture_of_fewer_rare_images_than_usual_shows_those():
    method = SmoteExperiment(kept=3)
    picture = method.picture(ExperimentCase(data_sets.load(method.data[0])))
    assert picture.columns[:4] == ("1", "2", "3", "mean")
