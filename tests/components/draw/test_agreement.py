"""The pairs of maps that agree most and least are read off the matrix, both ways."""

from __future__ import annotations

import numpy as np

from components.draw.agreement import likeness
from engine.measures.agreement import matrix
from engine.result import Table

NAMES = ("cat", "dog", "owl")


def table(values):
    return Table.grid(
        np.array(values, np.float32),
        NAMES[: len(values)],
        NAMES[: len(values)],
        ("Spearman",) * len(values),
    )


def test_the_pairs_that_agree_most_and_least_are_named():
    sentence = likeness(table([[1, 0.5, -0.4], [0.5, 1, 0.9], [-0.4, 0.9, 1]]))
    assert "Most alike: dog and owl (0.90)" in sentence
    assert "Least alike: cat and owl (−0.40)" in sentence
    assert "Mean over all pairs: 0.33" in sentence


def test_two_directions_count_by_their_mean():
    sentence = likeness(table([[1, 0.2, 0.5], [0.8, 1, 0.6], [0.5, 0.6, 1]]))
    assert "Most alike: dog and owl (0.60)" in sentence


def test_one_pair_is_just_named_and_flat_maps_are_said():
    assert likeness(table([[1, 0.25], [0.25, 1]])) == "cat and dog: 0.25."
    assert "flat" in likeness(table([[np.nan] * 2] * 2))


def test_maps_that_are_nearly_the_same_are_most_alike():
    rng = np.random.default_rng(0)
    first = rng.standard_normal((8, 8)).astype(np.float32)
    near = first + np.float32(0.05) * rng.standard_normal((8, 8)).astype(np.float32)
    far = rng.standard_normal((8, 8)).astype(np.float32)
    sentence = likeness(matrix([("A", first), ("B", near), ("C", far)]))
    assert sentence.startswith("Most alike: A and B (0.9")
    assert "C (" in sentence.split("Least alike: ")[1]
