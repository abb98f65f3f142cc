"""Naive Bayes against logistic regression, and Loki: closed forms, and figures of slow fits."""

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from engine.anomaly import DisVsGenExperiment, LokiExperiment
from engine.anomaly.dis_vs_gen import experiment as dis_vs_gen
from engine.anomaly.loki.experiment import (
    ARGMAX,
    INSIDE,
    LABEL_DISTANCE,
    LOKI,
    SEEN_EXACT,
    SHARP,
    SHUFFLED,
    UNSEEN,
    frechet,
    locus,
    next_label,
)
from engine.core.errors import BadData
from engine.evaluation.experiment import ExperimentCase
from engine.vision import data as data_sets
from tests import tiny
from tests.tiny import digits


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
        count = 0 if name == dis_vs_gen.ALL else int(name.split()[0])
        rows = dis_vs_gen.rows_of_all_classes(digits(seed), count)
        for class_count, classes, names in (
            (10, 10, (dis_vs_gen.NB, dis_vs_gen.LR, dis_vs_gen.FREE)),
            (6, 6, (dis_vs_gen.NB_FINDS, dis_vs_gen.LR_FINDS)),
        ):
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
                scores = -np.logaddexp.reduce(joint, axis=1), -fits[1].predict_proba(other).max(1)
                expected = [roc_auc_score(data.labels[test] >= 6, score) for score in scores]
            assert [result[name][row] for name in names] == pytest.approx(expected, abs=2e-3)


def test_naive_bayes_leads_with_few_labels_and_logistic_regression_with_many():
    method, lead = DisVsGenExperiment(), {}
    for name in (dis_vs_gen.FEW, dis_vs_gen.MANY):
        figures = [method.measured(name, digits(seed)) for seed in range(10)]
        lead[name] = np.mean([figure[dis_vs_gen.NB] - figure[dis_vs_gen.LR] for figure in figures])
        lead[name, dis_vs_gen.FREE] = np.mean(
            [figure[dis_vs_gen.NB] - figure[dis_vs_gen.FREE] for figure in figures]
        )
    assert lead[dis_vs_gen.FEW] > 0
    assert lead[dis_vs_gen.MANY] < -0.03
    assert lead[dis_vs_gen.FEW, dis_vs_gen.FREE] < 0  # it is the penalty that loses with few labels


def test_it_is_the_linear_classifier_of_its_weights_and_a_diagonal_mahalanobis_distance():
    x, labels = points()
    bayes = dis_vs_gen.NaiveBayes.of(dis_vs_gen.Moments.of(x, labels, 3), 0.0)
    assert ((x @ bayes.weights.T + bayes.biases).argmax(1) == bayes.joint(x).argmax(1)).all()
    assert bayes.joint(x) == pytest.approx(slow_bayes(x, labels, x, 3, floor=0))
    away = ((x[:, None] - bayes.means) ** 2 / bayes.variance).sum(-1)
    assert (replace(bayes, log_priors=np.zeros(3)).joint(x).argmax(1) == away.argmin(1)).all()
    density = np.exp(slow_bayes(x, labels, x, 3, floor=0)).sum(1)
    assert bayes.unusual(x) == pytest.approx(-np.log(density))


@pytest.mark.parametrize("cut", [1, 20, 59])
def test_two_halves_add_up_to_one_fit(cut):
    x, labels = points()
    whole = dis_vs_gen.Moments.of(x, labels, 3)
    first = dis_vs_gen.Moments.of(x[:cut], labels[:cut], 3)
    both = first + dis_vs_gen.Moments.of(x[cut:], labels[cut:], 3)
    for name in ("counts", "means", "squares"):
        assert getattr(both, name) == pytest.approx(getattr(whole, name), abs=1e-8)


def test_labels_are_drawn_anew_until_every_class_is_there():
    data = digits().data
    for seed in range(20):
        rows = dis_vs_gen.rows_of_all_classes(digits(seed), dis_vs_gen.FEWEST)
        assert len(rows) == len(set(rows.tolist())) == 20
        assert set(data.labels[rows]) == set(range(10))
        assert set(rows) <= set(data.rows("train"))
    assert dis_vs_gen.rows_of_all_classes(digits(), 0).tolist() == data.rows("train").tolist()
    two, three = (
        replace(data, labels=data.labels % count, classes=data.classes[:count]) for count in (2, 3)
    )
    assert len(dis_vs_gen.rows_of_all_classes(ExperimentCase(three), 0)) == len(data.rows("train"))
    with pytest.raises(BadData, match="3 to 20 classes"):
        dis_vs_gen.rows_of_all_classes(ExperimentCase(two), 0)


def test_pixels_are_scaled_by_the_labeled_images_alone():
    rows, test = dis_vs_gen.rows_of_all_classes(digits(), 30), digits().data.rows("test")
    train_pixels, other = dis_vs_gen.scaled(digits(), rows, test)
    assert train_pixels.min() == 0
    assert train_pixels.max() == 1
    assert other.max() > 1
    assert dis_vs_gen.scaled(digits(), rows)[0].tolist() == train_pixels.tolist()


def test_the_picture_has_the_weights_of_both():
    picture = DisVsGenExperiment().picture(digits())
    assert picture.rows == ("Bayes, 30", "logistic, 30", "Bayes, all", "logistic, all")
    (x,) = dis_vs_gen.scaled(digits(), dis_vs_gen.rows_of_all_classes(digits(), 0))
    labels = digits().data.labels[dis_vs_gen.rows_of_all_classes(digits(), 0)]
    means = np.stack([x[labels == k].mean(0) for k in range(10)])
    weights = means / (np.mean((x - means[labels]) ** 2, 0) + 1e-3)
    expected = (weights - weights.mean(0)) * x.std(0)
    assert (picture.images[2] == dis_vs_gen.tinted(expected, digits().data)).all()
    assert dis_vs_gen.cosine(expected, 3 * expected) == pytest.approx(1)


def test_too_few_images_are_refused_in_words():
    with pytest.raises(BadData, match="at least 401 train images; Columns has 24"):
        DisVsGenExperiment().measured(
            dis_vs_gen.FEW, ExperimentCase(tiny.columns(8, ("a", "b", "c")))
        )


def bars(seed=0):
    return ExperimentCase(data_sets.load("bars"), seed)


def distances(graph):
    nodes, length = sorted(graph), nx.shortest_path_length
    return np.array([[length(graph, a, b) for b in nodes] for a in nodes], float)


def drawn(n, k, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(k, 0.5), n)


def test_on_a_path_a_complete_graph_and_with_plain_distances_it_is_its_closed_form():
    labels, line = np.array([2, 7, 12, 16]), distances(nx.path_graph(19))
    probabilities = drawn(1000, 4)
    assert frechet(probabilities, line, labels).tolist() == np.rint(probabilities @ labels).tolist()
    labels, complete = np.array([1, 4, 5, 9]), distances(nx.complete_graph(12))
    probabilities = drawn(1000, 4)
    result = frechet(probabilities, complete, labels)
    assert result.tolist() == labels[probabilities.argmax(1)].tolist()
    labels, line = np.array([0, 3, 8]), distances(nx.path_graph(9))
    probabilities = drawn(500, 3)
    median = labels[(probabilities.cumsum(1) >= 0.5).argmax(1)]
    assert frechet(probabilities, line, labels, power=1.0).tolist() == median.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_on_a_tree_it_names_what_lies_between_seen_labels_and_nothing_else(seed):
    tree = nx.random_labeled_tree(14, seed=seed)
    labels = np.random.default_rng(seed).choice(14, 4, replace=False)
    paths = {node for a in labels for b in labels for node in nx.shortest_path(tree, a, b)}
    assert set(np.flatnonzero(locus(distances(tree), labels))) == paths
    answers = frechet(np.concatenate([drawn(20_000, 4), *edges()]), distances(tree), labels)
    assert set(answers) == paths
    reach = [min(nx.shortest_path_length(tree, node, path) for path in paths) for node in range(14)]
    assert reach[next_label(distances(tree), labels)] == max(reach)


def edges():
    """Blends of two labels only."""
    share = np.linspace(0, 1, 101)[:, None]
    corners = np.eye(4)
    return [share * a + (1 - share) * b for a in corners for b in corners]


def test_labeling_the_farthest_covers_a_tree_sooner_than_labeling_at_random():
    needed = {"farthest": [], "random": []}
    for seed in range(10):
        distance_matrix = distances(nx.random_labeled_tree(20, seed=seed))
        for way, counts in needed.items():
            rng = np.random.default_rng(seed)
            labels = rng.choice(20, 3, replace=False)
            while not locus(distance_matrix, labels).all():
                left = np.setdiff1d(np.arange(20), labels)
                node = (
                    next_label(distance_matrix, labels) if way == "farthest" else rng.choice(left)
                )
                labels = np.append(labels, node)
            counts.append(len(labels))
    assert np.mean(needed["farthest"]) < np.mean(needed["random"]) - 2


def test_every_answer_is_the_rounded_mean_place_and_every_figure_counts_them():
    result, data = LokiExperiment(seeds=1)(bars(2))["table"], bars().data
    labels, test = np.array([2, 7, 11, 16]), data.rows("test")
    right, images = data.labels[test], data.images.reshape(len(data.images), -1) / 255
    rows = data.rows("train")[np.isin(data.labels[data.rows("train")], labels)]
    rows = np.random.default_rng([2, 35]).choice(rows, len(rows))
    fit = LogisticRegression(C=0.1, max_iter=1000).fit(images[rows], data.labels[rows])
    sharp = np.exp(10 * fit.decision_function(images[test]))
    expected = {
        ARGMAX: fit.predict(images[test]),
        LOKI: np.rint(fit.predict_proba(images[test]) @ labels),
        SHARP: np.rint(sharp @ labels / sharp.sum(1)),
    }
    for way, answers in expected.items():
        new = ~np.isin(right, labels)
        figures = {
            UNSEEN: np.mean(answers[new] == right[new]),
            SEEN_EXACT: np.mean(answers[~new] == right[~new]),
            LABEL_DISTANCE: np.sqrt(np.mean((answers - right) ** 2)) / 18,
            INSIDE: 1.0,
        }
        assert {name: result.cell(way, name) for name in figures} == pytest.approx(figures)
    assert result.cell(LOKI, UNSEEN) > 0.25 > result.cell(ARGMAX, UNSEEN) == 0
    assert result.cell(SHUFFLED, LABEL_DISTANCE) > result.cell(ARGMAX, LABEL_DISTANCE)


def test_with_two_seen_labels_all_answers_lie_between_them():
    two = LokiExperiment(seen=2).answers(LOKI, bars())  # one border: a single column of logits
    assert two.min() >= 2
    assert two.max() <= 16
    assert len(set(two)) > 5


def test_the_picture_has_an_image_of_what_is_answered():
    picture, data = LokiExperiment().picture(bars()), bars().data
    assert picture.rows == ("test image", ARGMAX, LOKI)
    seen_angles = [name for name in picture.columns if "seen" in name]
    assert seen_angles == ["10° seen", "35° seen", "55° seen", "80° seen"]
    first = {data.labels[row]: row for row in data.rows("test")[::-1]}
    for row in range(3):
        for column in range(19):
            label = data.classes.index(picture.caption(row, column))
            displayed = picture.images[row, column, :, :, 0]
            assert np.array_equal(displayed, data.images[first[label], 0])
    assert {picture.caption(1, column) for column in range(19)} == {"10°", "35°", "55°", "80°"}
    assert "15 of 19 are within reach. To label next: 0°." in picture.finding


def test_data_without_unseen_labels_is_refused_in_words():
    with pytest.raises(BadData, match="leave none unseen: Columns has 3"):
        LokiExperiment().picture(ExperimentCase(tiny.columns(8, ("a", "b", "c"))))
