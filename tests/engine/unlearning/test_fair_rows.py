"""Rows with a task and a hidden group: what is tied to what, measures by hand, and refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from engine.errors import BadData
from engine.unlearning.experiments.fair_rows import (
    MEASURED,
    attributes,
    drawn_table,
    measured_slices,
)
from tests import tiny


def test_of_the_drawn_table_three_columns_know_the_group_and_four_the_task():
    table = drawn_table(0.3, 4)
    rows = table.train
    values, group, task = (tensor.numpy() for tensor in (rows.values, rows.group, rows.task))
    assert [len(part) for part in (table.train, table.validation, table.test)] == [1200, 400, 400]
    whole = np.concatenate([part.group for part in (table.train, table.validation, table.test)])
    assert whole.mean() == 0.3
    by_group = np.array([abs(roc_auc_score(group, column) - 0.5) for column in values.T])
    by_task = np.array([abs(roc_auc_score(task, column) - 0.5) for column in values.T])
    assert by_group[:3].min() > 0.2
    assert by_group[3:].max() < 0.07
    assert by_task[3:7].min() > 0.15
    assert np.delete(by_task, [3, 4, 5, 6]).max() < 0.07
    assert abs(roc_auc_score(group, task) - 0.5) < 0.05
    assert table.numeric.tolist() == [True] * 10 + [False] * 2
    assert values.mean(0) == pytest.approx(np.zeros(12), abs=1e-12)
    assert values.std(0) == pytest.approx(np.ones(12))
    assert (drawn_table(0.3, 5).train.values != rows.values).any()


def test_measures_of_an_image_are_those_by_hand():
    image = np.array([[0.0, 0.2, 0.9, 0.0], [0.5, 0.1, 0.8, 0.0]])
    results = dict(zip(MEASURED, attributes(image[None])[0], strict=True))
    assert results["mean brightness"] == pytest.approx(2.5 / 8)
    assert results["50 % level"] == pytest.approx(0.15)
    assert results["size of the head"] == pytest.approx(5 / 8)
    assert results["bright area"] == pytest.approx(2 / 8)
    assert results["dark area"] == pytest.approx(2 / 8)
    assert results["left against right"] == pytest.approx((0 + 0.7 + 0.5 + 0.7) * 2 / 8)
    assert results["front against back"] == pytest.approx((1.1 - 1.4) / 4)
    down, across = (0.5 + 0.1 + 0.1 + 0) / 4, (0.2 + 0.7 + 0.9 + 0.4 + 0.7 + 0.8) / 6
    assert results["edges"] == pytest.approx(down + across)


def test_slices_are_grouped_by_height_and_their_task_is_a_bright_lesion():
    data = tiny.heights()
    table = measured_slices(data, 0.25, 0)
    rows = data.some("test", 400, 0)
    edge = np.quantile(data.truth["height"][data.some("train", 1200, 0)], 0.75)
    assert table.test.group.tolist() == (data.truth["height"][rows] > edge).tolist()
    assert table.test.task.tolist() == (data.labels[rows] == 1).tolist()
    assert table.train.group.mean().item() == pytest.approx(0.25, abs=0.01)


def test_what_cannot_be_had_is_said_in_words():
    data = tiny.heights()
    with pytest.raises(BadData, match="Choose Brain phantoms, or the drawn table"):
        measured_slices(tiny.squares(), 0.5, 0)
    with pytest.raises(BadData, match="the fewest are 0"):
        measured_slices(replace(data, labels=np.zeros_like(data.labels)), 0.5, 0)
    with pytest.raises(BadData, match="has no training images"):
        measured_slices(data.take(data.rows("test")), 0.5, 0)
