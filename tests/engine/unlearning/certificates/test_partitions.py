"""Which network learns from what: by an image's pixels alone."""

from __future__ import annotations

import numpy as np
import pytest

from engine.unlearning.certificates.partitions import Partitions, digests_of, repeated_rows

IMAGES = np.random.default_rng(0).integers(0, 256, (200, 1, 8, 8), dtype=np.uint8)
LABELS = np.arange(200) % 3


def lists(own, images, labels):
    return list(own.learned(digests_of(images, 0), labels))


@pytest.mark.parametrize("own", [Partitions(10), Partitions(5, 4)], ids=["DPA", "FA"])
def test_one_more_image_reaches_its_networks_alone(own):
    before = lists(own, IMAGES[:-1], LABELS[:-1])
    after = lists(own, IMAGES, LABELS)
    bucket = own.buckets(digests_of(IMAGES[-1:], 0))[0]
    changed = [n for n, rows in enumerate(after) if rows.tolist() != before[n].tolist()]
    assert changed == sorted(own.reached(bucket))
    assert len(changed) == own.spread
    assert sum(map(len, after)) == 200 * own.spread


def test_neither_the_order_of_the_images_nor_a_label_moves_an_image():
    partitions, order = Partitions(10), np.random.default_rng(1).permutation(200)
    for rows, moved in zip(
        lists(partitions, IMAGES, LABELS),
        lists(partitions, IMAGES[order], 2 - LABELS[order]),
        strict=True,
    ):
        assert rows.tolist() == order[moved].tolist()


def test_another_seed_is_another_partition():
    assert (digests_of(IMAGES, 0) != digests_of(IMAGES, 1)).all()


def test_so_many_rows_are_shown_whatever_there_are():
    assert repeated_rows(np.array([3, 5]), 5).tolist() == [3, 5, 3, 5, 3]
    assert repeated_rows(np.arange(9), 4).tolist() == [0, 1, 2, 3]
