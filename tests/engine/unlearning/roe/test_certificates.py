"""Certificates of small networks, each trained alone here."""

from dataclasses import replace

import numpy as np
import pytest

from engine.core.result import Table
from engine.evaluation.experiment import ExperimentCase
from engine.unlearning import Certificates
from engine.unlearning.roe.ballots import recipe, untrained, vote
from engine.unlearning.roe.bounds import DPA, FA, ROE, SCHEMES
from engine.unlearning.roe.certificates import (
    SEEDS,
    ballots_about,
    curves,
    election_table,
    middle_count,
    partition_rows,
)
from engine.unlearning.roe.partitions import repeated_rows
from engine.vision.training import outputs, train
from tests import tiny
from tests.engine.unlearning.roe.by_hand import all_radii, elected
from tests.refusals import assert_refused

SMALL = Certificates(partitions=5, spread=2, shown=8, epochs=2, images=50)


def case(seed=0):
    return ExperimentCase(tiny.columns(8, ("a", "b", "c")), seed)


@pytest.fixture(scope="module")
def result():
    return SMALL(case())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_certificate_is_that_of_networks_trained_and_counted_by_hand(scheme, result):
    test_rows, data, partition = SMALL.asked(case()), case().data, SMALL.parts(scheme)
    scores = []
    for place, rows in enumerate(partition_rows(data, partition, 0)):
        model = untrained(data, recipe(2), place)
        if len(rows):
            train(model, data, recipe(2), place, rows=repeated_rows(rows, 8))
        scores.append(outputs(model, data, test_rows).numpy() * bool(len(rows)))
    expected = all_radii(np.stack(scores), scheme, partition.shifts)
    assert result["images"][f"{scheme}, says"].tolist() == expected[:, 0].tolist()
    radius = np.minimum(expected[:, 1], partition.networks)
    assert result["images"][f"{scheme}, radius"].tolist() == radius.tolist()
    right = np.where(expected[:, 0] == data.labels[test_rows], expected[:, 1], -1)
    shares = [(right >= poisons).mean() for poisons in range(len(result["curves"]))]
    assert result["curves"][scheme] == pytest.approx(shares)
    table = election_table(ballots_about(result, scheme, 2), data.classes)
    votes, *_, winner = elected(np.stack(scores)[:, 2])
    assert table["first votes"].tolist() == votes
    assert np.flatnonzero(np.isnan(table["run-off"])).tolist() == [winner]


def test_a_poison_changes_no_bit_of_other_networks_and_one_without_images_orders_the_classes():
    data, partition = case().data, SMALL.parts(DPA)
    rows, test_rows = partition_rows(data, partition, 0), SMALL.asked(case())
    target = int(np.argmax([len(part_rows) for part_rows in rows]))
    other = replace(data, labels=np.where(np.isin(np.arange(48), rows[target]), 2, data.labels))
    before, after = (
        vote(dataset, rows, range(5), test_rows, recipe(2), 8) for dataset in (data, other)
    )
    same = (before == after).all((1, 2))
    assert same.tolist() == [place != target for place in range(5)]
    data, rows = case().data, case().data.rows("train")
    ballots = vote(data, [rows, rows[:0]], (0, 1), rows[:2], recipe(1), 8)
    assert ballots[1].tolist() == [[0, 1, 2]] * 2


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        ({"labels": np.zeros(48, np.int64)}, {}, "has one class"),
        ({}, {"partitions": 25}, "24 training images, fewer than the 25 partitions"),
        ({"split": np.zeros(48, np.uint8)}, {}, "no test images"),
        ({"classes": tuple(map(str, range(257)))}, {}, "257 classes, .* vote on at most 256"),
    ],
)
def test_what_cannot_be_certified_is_said(change, settings, words):
    method, data = replace(SMALL, **settings), replace(case().data, **change)
    assert_refused(words, method, ExperimentCase(data))


def test_the_curve_counts_right_answers_that_withstand():
    columns = {"label": ([0, 0, 1], "")}
    for scheme in SCHEMES:
        radii = [3, 9, int(scheme == ROE)]
        columns |= {f"{scheme}, says": ([0, 1, 1], ""), f"{scheme}, radius": (radii, "")}
    images = Table.of(columns)
    table = curves(images)
    assert table["poisons"].tolist() == [0, 1, 2, 3, 4]
    assert table[DPA] == pytest.approx([2 / 3, 1 / 3, 1 / 3, 1 / 3, 0])
    assert [middle_count(table.take(range(rows))) for rows in (1, 2, 4, 5)] == [0, 0, 1, 1]
    assert SMALL.finding(case(), {"images": images, "curves": table}) == (
        "67 % of 3 test images are answered right, and 67 % stay right under any 1 poisons "
        "(DPA + ROE; DPA: 67 and 33 %)."
    )


def test_another_seed_is_another_partition_and_ballots_are_kept_of_known_images(result):
    assert SMALL.seeds(case(1), 3) == [SEEDS, SEEDS + 1, SEEDS + 2]
    other = SMALL(case(1))
    assert other["ballots, FA"].values.tolist() != result["ballots, FA"].values.tolist()
    assert_refused("of 24 test images, from 0 to 23", ballots_about, result, FA, 24)
