"""SMOTE: its points lie where they must, and their covariance is its closed form."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.tree import DecisionTreeClassifier

from engine.anomaly import SmoteExperiment
from engine.anomaly.smote import experiment
from engine.anomaly.smote.drawings import DRAWN, REAL, SEGMENTS
from engine.anomaly.smote.experiment import ANY, AS_IT_IS, AUC, FLAGGED, HULL, NEAREST, SPREAD
from engine.anomaly.smote.rare import imbalanced, in_danger, neighbors, pairs, smote, spread_of
from engine.core.errors import BadData
from engine.evaluation.experiment import ExperimentCase
from engine.vision.models import catalog
from engine.vision.models.layers import capturing
from tests import tiny
from tests.tiny import digits

SIXTY = np.random.default_rng(0).normal(0, (1, 2, 4), (60, 3))
POINTS = SIXTY[:12]


def drawn(k, count, *, real=POINTS, starts=None, box=False, seed=0):
    return smote(real, pairs(real, k, starts), count, np.random.default_rng(seed), box=box)


def covariance(real, k, *, box=False):
    """The covariance (D, D) of a drawn point: that of segments' middles, and that within them."""
    start, end = (real[rows] for rows in pairs(real, k))
    within = (end - start).T @ (end - start) / len(start) / 12  # 1/12: the variance of a place
    return np.cov((start + end).T / 2, bias=True) + (np.diag(np.diag(within)) if box else within)


def on_a_segment(places, starts, ends):
    """Whether each place lies on one of the segments."""
    steps = ends - starts
    along = ((places[:, None] - starts) * steps).sum(-1) / (steps**2).sum(-1)
    off = np.linalg.norm(starts + along[..., None] * steps - places[:, None], axis=-1)
    return ((off < 1e-9) & (along >= 0) & (along <= 1)).any(1)


@pytest.mark.parametrize("box", [False, True])
@pytest.mark.parametrize("k", [1, 4, 11])
def test_drawn_points_have_the_closed_form_s_covariance(k, box):
    expected = covariance(POINTS, k, box=box)
    measured = np.cov(drawn(k, 200_000, box=box).T, bias=True)
    assert measured == pytest.approx(expected, abs=0.02 * np.trace(expected))
    assert not np.allclose(expected, np.cov(POINTS.T, bias=True), rtol=0.1)


@pytest.mark.parametrize("n", [2, 5, 15, 60])
def test_between_any_two_points_it_is_two_thirds_less_a_term_in_n(n):
    real = np.cov(SIXTY[:n].T, bias=True)
    assert covariance(SIXTY[:n], n) == pytest.approx((2 / 3 - 1 / (3 * (n - 1))) * real)


def test_the_covariance_of_what_it_draws_is_its_closed_form():
    """The whole experiment, on digits: its spreads are those of a few hundred draws."""
    result = SmoteExperiment(seeds=3)(digits())["runs"]
    for row, condition in enumerate(result.rows):
        rare = imbalanced(digits(int(result["seed"][row])), 15).rare
        between = {NEAREST: 5, ANY: 14}.get(condition)
        spread = np.trace(covariance(rare, between)) if between else spread_of(rare)
        assert result[SPREAD][row] == pytest.approx(spread / spread_of(rare), abs=0.05)


def test_every_figure_is_that_of_a_tree_grown_by_hand():
    case, whole, method = digits(3), imbalanced(digits(3), 15), SmoteExperiment(seeds=1)
    result, labels = method(case)["table"], case.data.labels
    train, test = (case.data.rows(split) for split in ("train", "test"))
    images, rare = case.data.images.reshape(len(labels), -1) / 255, labels[test] == 3
    assert set(map(tuple, whole.rare)) <= set(map(tuple, images[labels == 3]))
    assert set(map(tuple, whole.others)) == set(map(tuple, images[train][labels[train] != 3]))
    limit = np.quantile(cdist(images[test][~rare], whole.others).min(1), 0.95)
    for condition in method.compared:
        few, plain = condition == experiment.FEWER, condition in (AS_IT_IS, experiment.FEWER)
        sample = method.sample(condition, case)
        assert len(sample.others) == (15 if few else (labels[train] != 3).sum())
        assert set(map(tuple, sample.others)) <= set(map(tuple, whole.others))
        assert len(sample.added) == (0 if plain else len(sample.others) - 15)
        known = np.concatenate([sample.others, sample.rare, sample.added])
        tree = DecisionTreeClassifier(random_state=3)
        tree.fit(known, np.arange(len(known)) >= len(sample.others))
        sure = tree.predict_proba(images[test])[:, 1]
        figures = {
            experiment.RECALL: np.mean(sure[rare] > 0.5),
            AUC: roc_auc_score(rare, sure),
            FLAGGED: np.mean(cdist(images[test][rare], known).min(1) > limit),
        }
        assert {name: result.cell(condition, name) for name in figures} == pytest.approx(figures)
    of = result.cell
    assert of(experiment.COPIES, FLAGGED) == of(AS_IT_IS, FLAGGED)  # copies are not nearer
    assert of(experiment.FEWER, HULL) == of(AS_IT_IS, HULL)  # it is one of that hull's


def test_the_hull_is_that_of_the_curves_at_every_share_of_the_others():
    method, rng = SmoteExperiment(learner="naive Bayes"), np.random.default_rng([0, 41])
    sample = method.sample(NEAREST, digits())
    x, y = method.hull(sample, digits())
    corners, areas = {(0, 0), (1, 1)}, []
    for share in (1, 0.5, 0.25, 0.1, 0.05):  # the same images are added at each
        fewer = sample.fewer(round(len(sample.others) * share), rng)
        curve = sample.is_rare, method.learned(fewer, digits())
        false_alarms, hits, _ = roc_curve(*curve, drop_intermediate=False)
        assert (hits <= np.interp(false_alarms, x, y) + 1e-12).all()  # none is above it
        corners |= {*zip(false_alarms, hits, strict=True)}
        areas.append(roc_auc_score(*curve))
    assert {*zip(x, y, strict=True)} <= corners
    assert np.trapezoid(y, x) > max(areas)
    table = method.more(digits())["hulls"]
    assert table[NEAREST] == pytest.approx(np.interp(table["false alarms"], x, y))


def test_only_rare_images_at_the_border_begin_new_ones():
    others = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1], [0.5, 0.4]])
    rare = np.array([[0.5, 0.5], [2, 0.5], [9, 9], [9, 8], [8, 9], [8, 8]])
    assert in_danger(rare, others, 4).tolist() == [1]  # the first is among others only
    # k + 1 points in each of k + 1 places far apart, so many others there as before in all places
    for k, expected in ((4, {2, 3}), (5, {3, 4})):
        place, at = np.indices((k + 1, k + 1)).reshape(2, -1)
        spots = (100.0 * place + at)[:, None]
        starts = in_danger(spots[at >= place], spots[at < place], k)
        assert {*place[at >= place][starts]} == expected
    ends = np.delete(rare, 1, 0)
    assert on_a_segment(drawn(5, 50, real=rare, starts=np.array([1])), rare[1], ends).all()
    method, sample = SmoteExperiment(borderline=True, amount=200), imbalanced(digits(), 15)
    starts = in_danger(sample.rare, sample.others, 5)
    assert len(starts)
    expected = drawn(5, 30, real=sample.rare, starts=starts, seed=[0, 31])
    assert method.sample(NEAREST, digits()).added == pytest.approx(expected)


def test_along_main_components_all_is_seen_and_drawn_in_so_many_numbers():
    sample = SmoteExperiment(components=5).sample(NEAREST, digits())
    whole = imbalanced(digits(), 15)
    assert sample.test.shape == (len(whole.test), 5)
    training = np.concatenate([whole.others, whole.rare])
    seen = sample.pixels(np.concatenate([sample.others, sample.rare]))
    rest = (np.linalg.svd(training - training.mean(0))[1][5:] ** 2).sum()
    assert ((training - seen) ** 2).sum() == pytest.approx(rest)
    pictures = (SmoteExperiment(components=count).picture(digits()) for count in (None, 5))
    assert len({picture.images.shape for picture in pictures}) == 1


@pytest.mark.parametrize("k", [1, 3, 99])
def test_each_point_lies_between_a_point_and_one_of_its_nearest_or_in_their_box(k):
    near = neighbors(POINTS, k)
    order = [sorted(range(12), key=lambda at: np.linalg.norm(POINTS[at] - x)) for x in POINTS]
    assert near.tolist() == [rows[1 : k + 1] for rows in order]  # at most all others
    ends = POINTS.repeat(near.shape[1], 0), POINTS[near.ravel()]
    assert on_a_segment(drawn(k, 500), *ends).all()
    in_box, corners = drawn(1, 200, real=SIXTY[:2], box=True), SIXTY[:2]
    assert ((in_box >= corners.min(0)) & (in_box <= corners.max(0))).all()
    assert np.linalg.matrix_rank(in_box - corners[0], tol=1e-6) == 3


def test_settings_reach_what_is_drawn():
    case, method = digits(), SmoteExperiment(kept=10, others=20, amount=250, k=1)
    sample, *changed = (
        replace(method, **settings).sample(NEAREST, case)
        for settings in ({}, {"k": 2}, {"box": True})
    )
    assert (len(sample.rare), len(sample.added)) == (10, 25)
    others = imbalanced(digits(), 15).others
    kept = np.sort(np.random.default_rng([0, 40]).permutation(len(others))[: len(others) // 5])
    assert np.array_equal(sample.others, others[kept])
    assert not any(np.array_equal(sample.added, other.added) for other in changed)
    none = SmoteExperiment(kept=100, others=5).sample(NEAREST, case)
    assert len(none.others) < len(none.rare)
    assert len(none.added) == 0  # the rare class is the larger one already
    settings = {"components": 5}, *({"learner": learner} for learner in experiment.LEARNERS)
    figures = {SmoteExperiment(**setting).measured(NEAREST, case)[AUC] for setting in settings}
    assert len(figures) == 4


def test_the_picture_has_means_and_spreads_of_what_it_shows():
    picture, sample = SmoteExperiment().picture(digits()), imbalanced(digits(), 15)
    assert picture.rows == ("15 real", NEAREST, ANY)
    assert picture.columns[-2:] == ("mean", "spread × 2")
    spread = np.rint(255 * 2 * sample.rare.std(0).clip(0, 0.5)).reshape(8, 8)
    assert (picture.images[0, -1, :, :, 0] == spread).all()
    for condition in (NEAREST, ANY):
        added = SmoteExperiment().sample(condition, digits()).added
        share = 100 * spread_of(added) / spread_of(sample.rare)
        assert f"{share:.0f} % ({condition})" in picture.finding
    assert picture.images[2, -1].mean() < 0.9 * picture.images[0, -1].mean()  # it shrinks
    few = SmoteExperiment(kept=3, amount=100).picture(digits())
    assert (few.columns[:4], len(few.rows)) == (("1", "2", "3", "mean"), 3)


def test_a_class_with_one_image_is_refused_in_words():
    data = tiny.columns(8, ("a", "b", "c"))
    assert len(imbalanced(digits(), 2).rare) == 2
    alike = replace(data, images=np.zeros_like(data.images))
    with pytest.raises(BadData, match="two different training images"):
        SmoteExperiment().measured(NEAREST, ExperimentCase(alike))
    with pytest.raises(BadData, match="at least 20 train images"):
        SmoteExperiment().picture(ExperimentCase(replace(data, split=np.full(48, 2, np.uint8))))
    for count in (19, 20):
        few = ExperimentCase(data.take(np.arange(24 + count)), seed=4)
        if count == 20:
            assert imbalanced(few, 5).label == "b"  # the fifth of three classes is the second
            continue
        with pytest.raises(BadData, match="at least 20 test images"):
            imbalanced(few, 5)


def test_an_image_as_far_from_the_known_ones_as_is_usual_is_not_unlike_them():
    data = tiny.columns(8, ("a", "b"))
    images = np.tile(data.images[:8], (6, 1, 1, 1))  # each test image is a training image too
    case = ExperimentCase(replace(data, images=images, labels=np.arange(48) % 2))
    assert SmoteExperiment().measured(AS_IT_IS, case)[FLAGGED] == 0


def test_the_projection_has_real_images_new_ones_and_their_segments_in_one_plane():
    method, rare = SmoteExperiment(kept=12, k=3), imbalanced(digits(), 12).rare
    table = method.projection(digits())
    _, sizes, axes = np.linalg.svd(rare - rare.mean(0))
    flat = (rare - rare.mean(0)) @ axes[:2].T
    places, names = np.stack([table[name] for name in table.order], 1), np.array(table.rows)
    lines, new, real = groups = [places[names == name] for name in dict.fromkeys(table.rows)]
    assert list(dict.fromkeys(table.rows)) == [SEGMENTS, DRAWN, REAL]
    assert [len(group) for group in groups] == [12 * 3 * 3, 60, 12]
    assert real == pytest.approx(flat * np.sign((real * flat).sum(0)))
    assert real.var(0) == pytest.approx(sizes[:2] ** 2 / 12)
    start, end, gap = lines.reshape(-1, 3, 2).transpose(1, 0, 2)
    assert np.isnan(gap).all()
    assert end == pytest.approx(real[neighbors(rare, 3).ravel()])
    assert on_a_segment(new, start, end).all()
    assert len(set(replace(method, amount=1000, kept=3).projection(digits()).rows)) == 3
    # where each pixel is drawn on its own, an image may lie off the lines
    boxed = replace(method, box=True).projection(digits()).rows
    assert boxed == table.rows[len(lines) :]


def test_features_are_those_of_the_network_and_are_drawn_as_the_nearest_image():
    method, case, whole = SmoteExperiment(space="features"), digits(), imbalanced(digits(), 15)
    sample, model = method.sample(NEAREST, case), catalog.load("digits-mlp")
    some = case.data.rows("test")[:20]
    with capturing(model.head, inputs=True) as caught, torch.no_grad():
        model.network((case.data.pixels(some) - model.mean) / model.std)
    assert sample.test[:20] == pytest.approx(caught[0].numpy(), abs=1e-4)
    assert sample.pixels(sample.rare) == pytest.approx(whole.rare)
    assert sample.along(5).pixels(sample.along(5).rare).shape == whole.rare.shape
    real = np.concatenate([whole.others, whole.rare])
    assert set(map(tuple, sample.pixels(sample.added[:50]))) <= set(map(tuple, real))
    with pytest.raises(BadData, match="choose pixels"):
        imbalanced(ExperimentCase(tiny.columns(30, ("a", "b", "c"))), 5, features=True)
