"""Data that note what was looked at, whichever way it is asked for."""

from __future__ import annotations

import numpy as np

from engine import data as data_sets
from engine.training import Recipe, fresh, outputs, train
from engine.unlearning.ways.seen import RecordedData


def test_every_way_to_the_pixels_is_noted():
    data = RecordedData.of(data_sets.load("digits"))
    assert data.seen.sum() == 0
    data.pixels(np.array([3, 5]))
    data.images[np.array([5, 5])]
    assert {int(row): int(data.seen[row]) for row in np.flatnonzero(data.seen)} == {3: 1, 5: 3}
    before = data.seen.sum()
    data.pixels()
    np.asarray(data.images)
    data.images[:]
    assert data.seen.sum() == before + 3 * len(data)


def test_a_training_is_noted_to_the_image_and_learns_the_same():
    plain = data_sets.load("digits")
    recipe = Recipe("mlp", epochs=2)
    rows = plain.rows("train")[10:]
    models = []
    for data in (plain, RecordedData.of(plain)):
        models.append(fresh(plain, recipe))
        log = train(models[-1], data, recipe, rows=rows)
    np.testing.assert_array_equal(data.seen[plain.rows("train")], log.shown[plain.rows("train")])
    assert models[0].fingerprint == models[1].fingerprint
    assert data.fingerprint == plain.fingerprint


def test_reading_answers_is_noted_too():
    data = RecordedData.of(data_sets.load("digits"))
    outputs(fresh(data_sets.load("digits"), Recipe("mlp")), data, np.arange(7))
    assert data.seen.tolist() == [1] * 7 + [0] * (len(data) - 7)
