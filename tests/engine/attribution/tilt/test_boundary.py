"""Tilted boundaries against their closed forms and against scikit-learn's classifiers."""

import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.svm import LinearSVC

from engine.attribution.tilt import TiltedBoundary, geometry
from engine.attribution.tilt.boundary import STRENGTHS, TENTHS
from engine.attribution.tilt.linear import LEARNERS, LOGISTIC, RIDGE, SVM, class_pair, family
from engine.attribution.tilt.mirror import WALL, mirror, pictures, wall
from engine.core.errors import BlindspotError
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.vision import data as data_sets

LEAST, LARGE = STRENGTHS[0], STRENGTHS[-1]


@cache
def digits(first=2, second=3):
    return class_pair(data_sets.load("digits"), first, second, 1.0, 0)


@cache
def boundary_answer(*classes):
    return answer(TiltedBoundary(*classes), ExperimentCase(data_sets.load("digits")))


def rows_of(learner, *classes):
    start = LEARNERS.index(learner) * len(STRENGTHS)
    return boundary_answer(*classes)["classifiers"].take(range(start, start + len(STRENGTHS)))


def mean_way(pair, weights, offset):
    """Half of the mean signed way from the mirror image, both classes weighing the same."""
    along = weights / np.linalg.norm(weights)
    sides = []
    for points, sign in ((pair.train[~pair.second], -1), (pair.train[pair.second], 1)):
        way = points - geometry.mirrored(points, weights, offset)
        sides.append(sign * (way @ along).mean() / 2)
    return np.mean(sides)


def test_strength_is_the_ratio_of_mirror_distances_and_one_over_the_cosine():
    pair = digits()
    nearest = mean_way(pair, pair.apart, -pair.apart @ sum(pair.means) / 2)
    for learner in LEARNERS:
        table = rows_of(learner)
        for row, fit in enumerate(family(pair, learner, STRENGTHS)):
            ratio = nearest / mean_way(pair, *fit)
            cosine = np.cos(np.radians(geometry.angle(fit[0], pair.apart)))
            degrees = np.degrees(np.arccos(min(1 / ratio, 1)))
            assert ratio == pytest.approx(1 / cosine, rel=1e-9)
            assert table["strength"][row] == pytest.approx(ratio, rel=1e-9)
            assert table["angle"][row] == pytest.approx(degrees, abs=1e-4)
            assert table["distance kept"][row] == pytest.approx(cosine, rel=1e-9)


@pytest.mark.parametrize("learner", [RIDGE, SVM])
def test_right_answers_are_those_of_the_boundary_counted_by_hand(learner):
    table, pair = rows_of(learner), digits()
    for row in (0, 9, 18):
        weights, offset = family(pair, learner, STRENGTHS)[row]
        for column, points, second in (
            ("right, training", pair.train, pair.second),
            ("right, held out", pair.test, pair.test_second),
        ):
            right = np.mean((points @ weights + offset > 0) == second)
            assert table[column][row] == pytest.approx(right)


@pytest.mark.parametrize(
    ("learner", "classes", "first", "last", "rise"),
    [
        (RIDGE, (2, 3), 75, 0.3, 0),
        (RIDGE, (3, 8), 75, 0.3, 0),
        (SVM, (2, 3), 30, 1, 1),  # it stays where the margin is hard
        (LOGISTIC, (2, 3), 30, 1, 1),
    ],
)
def test_the_angle_falls_with_regularization(learner, classes, first, last, rise):
    degrees = rows_of(learner, *classes)["angle"]
    assert (np.diff(degrees) < rise).all()
    assert degrees[0] > first
    assert degrees[-1] < last


def test_with_much_regularization_all_three_are_the_nearest_centroid_classifier():
    pair = digits()
    expected = NearestCentroid().fit(pair.train, pair.second).predict(pair.test)
    for learner in (RIDGE, LOGISTIC):
        weights, offset = family(pair, learner, [1e7])[0]
        assert geometry.angle(weights, pair.apart) < 0.05
        if learner == RIDGE:
            assert np.array_equal(pair.test @ weights + offset > 0, expected)


def test_shrinkage_lda_of_scikit_learn_is_a_member_of_the_ridge_family():
    pair = digits()
    shrinkage = 0.1  # (1 - s) S_w + s v̄ I has the direction of S_w + s / (1 - s) v̄ I
    peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage, priors=[0.5, 0.5])
    # its S_w weighs classes by the priors, as ours
    peer.fit(pair.train, pair.second)
    weights, offset = family(pair, RIDGE, [shrinkage / (1 - shrinkage)])[0]
    assert geometry.angle(weights, peer.coef_[0]) < 1e-3
    assert np.array_equal(peer.predict(pair.test), pair.test @ weights + offset > 0)


def test_the_linear_svm_and_the_logistic_are_those_of_scikit_learn_on_pixels():
    pair = digits()
    penalty = 0.01 * pair.mean_variance
    peer = LogisticRegression(
        C=1 / (len(pair.train) * penalty), class_weight="balanced", max_iter=5000, tol=1e-8
    ).fit(pair.train, pair.second)
    assert geometry.angle(family(pair, LOGISTIC, [0.01])[0][0], peer.coef_[0]) < 0.1
    settings = {"loss": "hinge", "intercept_scaling": 30, "max_iter": 5000, "random_state": 0}
    peer = LinearSVC(C=1 / (len(pair.train) * penalty), class_weight="balanced", **settings)
    middle = pair.train.mean(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it stops before the end, so that ours is no worse
        peer.fit(pair.train - middle, pair.second)
    weights, offset = family(pair, SVM, [0.01])[0]
    theirs = peer.coef_[0], float(peer.intercept_[0] - peer.coef_[0] @ middle)
    assert hinge(pair, weights, offset, penalty) <= hinge(pair, *theirs, penalty) * (1 + 1e-4)
    assert geometry.angle(weights, theirs[0]) < 5


def hinge(pair, weights, offset, penalty):
    """What the linear SVM minimizes, both classes weighing the same."""
    sides = np.where(pair.second, 1, -1) * (pair.train @ weights + offset)
    loss = np.maximum(0, 1 - sides)
    both = (loss[pair.second].mean() + loss[~pair.second].mean()) / 2
    return both + penalty / 2 * weights @ weights


def test_the_offset_has_the_least_hinge_loss_and_constant_pixels_get_no_weight():
    pair = digits()
    for strength in (1e-3, 1.0, 100.0, 1e5):
        weights, offset = family(pair, SVM, [strength])[0]
        others = offset + np.linspace(-2, 2, 401)
        least = min(hinge(pair, weights, candidate, 0.0) for candidate in others)
        assert hinge(pair, weights, offset, 0.0) <= least + 1e-9
        assert np.mean((pair.test @ weights + offset > 0) == pair.test_second) > 0.85
    constant = np.ptp(pair.train, axis=0) == 0
    assert constant.any()
    for learner in LEARNERS:
        weights, _ = family(pair, learner, [LEAST])[0]
        assert abs(weights[constant]).max() <= 1e-9 * abs(weights).max()


def test_a_mirror_image_has_the_other_label_and_the_logit_is_that_of_two_gaussians():
    data, views, pair = data_sets.load("digits"), boundary_answer(), digits()
    table = views["classifiers"]
    for learner, place in np.ndindex(len(LEARNERS), len(STRENGTHS)):
        both = mirror(data, int(pair.rows[5]), views, learner, place)
        normal = both.weights.ravel() / np.linalg.norm(both.weights)
        offset, slope = (float(table[name][both.row]) for name in ("offset", "slope"))
        probability = 1 / (1 + np.exp(-slope * (both.other.ravel() @ normal + offset)))
        assert probability == pytest.approx(1 - both.probability, abs=1e-9)
        back = geometry.mirrored(both.other.reshape(1, -1), normal, offset)
        assert back == pytest.approx(both.image.reshape(1, -1), abs=1e-9)
    weights, _ = family(pair, RIDGE, [STRENGTHS[8]])[0]
    along = weights / np.linalg.norm(weights)
    sides = [pair.train[~pair.second] @ along, pair.train[pair.second] @ along]
    gap = sides[1].mean() - sides[0].mean()
    variance = np.mean([side.var() for side in sides])
    assert table["slope"][8] == pytest.approx(gap / variance, rel=1e-6)


def test_carried_are_the_shares_of_the_normal_by_the_variance_along_its_directions():
    pair, views = digits(), boundary_answer()
    values, vectors = np.linalg.eigh(pair.within)
    some = values > 1e-12
    for place in (0, 8, 18):
        weights, _ = family(pair, RIDGE, [STRENGTHS[place]])[0]
        along = ((weights / np.linalg.norm(weights)) @ vectors[:, some]) ** 2
        expected = [tenth.sum() for tenth in np.array_split(along, TENTHS)]
        if some.sum() == pair.axes.shape[1]:
            assert views["carried"].values[place, 0, 0] == pytest.approx(expected, abs=1e-3)
        assert views["carried"].values[place, 0, 0].sum() == pytest.approx(1, abs=1e-5)
    assert views["carried"].values[0, 0, 0, 0] > views["carried"].values[-1, 0, 0, 0]
    assert (np.diff(views["variances"]["variance"]) >= 0).all()


def test_types_are_told_from_angle_and_error_and_the_best_and_weakest_are_named():
    angles = np.array([15.0, 15.01, 30, 30, 50, 80, 85])  # hardly tilted: up to 15 degrees
    errors = np.array([0.06, 0.06, 0.04, 0.09, 0.02, 0.02, 0.06])
    kinds = ["HARDLY", "USEFUL", "USEFUL", "NEEDLESS", "USEFUL", "OVERFITTED", "NEEDLESS"]
    expected = [getattr(geometry, kind) for kind in kinds]
    assert geometry.types(angles, errors, 1000).tolist() == expected
    assert geometry.envelope(angles, errors).tolist() == [0.06, 0.06, 0.04, 0.04, 0.02, 0.02, 0.02]
    case = ExperimentCase(data_sets.load("digits"))
    words = TiltedBoundary().finding(case, boundary_answer())
    table = rows_of(RIDGE)
    best = int(np.argmax(table["right, held out"]))
    assert words.startswith("2 and 3: at λ = ")
    for row in (best, 0):
        assert f"{100 * table['right, held out'][row]:.1f} % of held-out" in words
        assert f"{table['strength'][row]:.1f} times closer" in words


def test_pictures_show_mirror_images_of_as_many_training_images_as_asked_for():
    data, views, method = data_sets.load("digits"), boundary_answer(), TiltedBoundary()
    row = int(digits().rows[0])
    mirror_pair = mirror(data, row, views, 0, 4)
    view = pictures(mirror_pair, method, data.classes)
    assert np.array_equal(view.images[0, 0, ..., 0], data.images[row, 0])
    assert f"{mirror_pair.change:.0f} of 255" in view.finding
    assert wall(data, row, views, 0).images.shape[1] == len(WALL) + 1
    changes = [mirror(data, row, views, 0, place).change for place in WALL]
    assert changes[0] > 3 * changes[-1]  # noise on the same digit, instead of another one
    some = class_pair(data, 2, 3, 0.2, 0)
    assert len(some.train) == pytest.approx(0.2 * len(digits().train), abs=2)
    assert not np.array_equal(some.train, class_pair(data, 2, 3, 0.2, 1).train)


def test_what_cannot_be_asked_is_said():
    data = data_sets.load("digits")
    for labels, word in (((2, 2), "choose two"), ((2, 40), "no class 40")):
        with pytest.raises(BlindspotError, match=word):
            class_pair(data, *labels, 1.0, 0)
    large = replace(data, images=np.repeat(np.repeat(data.images, 8, 2), 8, 3))
    with pytest.raises(BlindspotError, match="4,096 pixels"):
        class_pair(large, 2, 3, 1.0, 0)
    with pytest.raises(BlindspotError, match="too few"):
        class_pair(data.take(np.flatnonzero(data.labels == 2)), 2, 3, 1.0, 0)
    flat = replace(data, images=np.zeros_like(data.images))
    with pytest.raises(BlindspotError, match="same mean"):
        family(class_pair(flat, 2, 3, 1.0, 0), RIDGE, [1.0])


@pytest.mark.parametrize("learner", LEARNERS)
def test_classes_whose_images_are_all_alike_are_refused_in_words(learner):
    pair = digits()
    same = np.where(pair.second[:, None], pair.means[1], pair.means[0])
    with pytest.raises(BlindspotError, match="of each class are alike"):
        family(replace(pair, train=same), learner, STRENGTHS)


def test_every_classifier_is_told_of_so_that_it_can_be_stopped():
    shares = []
    TiltedBoundary()(ExperimentCase(data_sets.load("digits")), lambda done, *_: shares.append(done))
    assert len(shares) > len(LEARNERS) * len(STRENGTHS)
    assert shares == sorted(shares)
