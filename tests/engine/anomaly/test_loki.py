"""Loki: on a line it is the rounded mean place, with equal distances the most likely label."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from engine import data as data_sets
from engine.anomaly import LokiExperiment
from engine.anomaly.experiments.loki import (
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
from engine.errors import BadData
from engine.experiment import ExperimentCase
from tests import tiny


def bars(seed=0):
    return ExperimentCase(data_sets.load("bars"), seed)


def distances(graph):
    return np.array(
        [[nx.shortest_path_length(graph, a, b) for b in sorted(graph)] for a in sorted(graph)],
        float,
    )


def drawn(n, k, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(k, 0.5), n)


def test_on_a_path_it_is_the_probability_weighted_place_rounded():
    labels, line = np.array([2, 7, 12, 16]), distances(nx.path_graph(19))
    probabilities = drawn(1000, 4)
    assert frechet(probabilities, line, labels).tolist() == np.rint(probabilities @ labels).tolist()


def test_on_a_complete_graph_it_is_the_most_likely_label():
    labels, complete = np.array([1, 4, 5, 9]), distances(nx.complete_graph(12))
    probabilities = drawn(1000, 4)
    result = frechet(probabilities, complete, labels)
    assert result.tolist() == labels[probabilities.argmax(1)].tolist()


def test_with_plain_distances_it_is_the_weighted_median():
    labels, line = np.array([0, 3, 8]), distances(nx.path_graph(9))
    probabilities = drawn(500, 3)
    median = labels[(probabilities.cumsum(1) >= 0.5).argmax(1)]
    assert frechet(probabilities, line, labels, power=1.0).tolist() == median.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_on_a_tree_it_names_what_lies_between_seen_labels_and_nothing_else(seed):
    tree = nx.random_labeled_tree(14, seed=seed)
    labels = np.random.default_rng(seed).choice(14, 4, replace=False)
    paths = {node for a in labels for b in labels for node in nx.shortest_path(tree, a, b)}
    within = locus(distances(tree), labels)
    assert set(np.flatnonzero(within)) == paths
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


def test_settings_reach_the_answers():
    plain = LokiExperiment().answers(LOKI, bars())
    for other in ({"seen": 3}, {"temperature": 2.0}, {"c": 1.0}, {"power": 1.5}):
        assert not np.array_equal(LokiExperiment(**other).answers(LOKI, bars()), plain), other
    two = LokiExperiment(seen=2).answers(LOKI, bars())  # one border: a single column of logits
    assert two.min() >= 2
    assert two.max() <= 16
    assert len(set(two)) > 5


def test_the_picture_has_an_image_of_what_is_answered():
    picture, data = LokiExperiment().picture(bars()), bars().data
    assert picture.rows == ("test image", ARGMAX, LOKI)
    assert [name for name in picture.columns if "seen" in name] == [
        "10° seen",
        "35° seen",
        "55° seen",
        "80° seen",
    ]
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
