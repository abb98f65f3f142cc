"""Strips and tiles against the image that they were cut from."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from engine.images.kinds import nifti
from engine.images.tiles import TileGrid


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", [(4, 5), (3, 17)], ids=["tiles", "strips"])
def test_any_rectangle_is_that_of_the_image_and_batches_unpack_each_piece_once(form, packed):
    image = np.random.default_rng(0).integers(0, 256, (13, 17, 3), np.uint8)
    (high, wide), across = form, -(-17 // form[1])
    padded = np.pad(image, ((0, high if across > 1 else 0), (0, across * wide - 17), (0, 0)))
    pieces = [
        padded[top : top + high, left : left + wide].tobytes()
        for top in range(0, 13, high)
        for left in range(0, 17, wide)
    ]
    bodies = dict(enumerate(map(zlib.compress, pieces) if packed else pieces))
    grid = TileGrid(13, across, form, 3, packed=packed, differences=False)
    for top, bottom, left, right in ((0, 13, 0, 17), (2, 11, 3, 16), (5, 6, 7, 8)):
        rectangle, covered = (top, bottom, left, right), np.zeros((13, 17), int)
        assert np.array_equal(grid.whole(rectangle, bodies), image[top:bottom, left:right])
        numbers = []
        for low, high_end, first, last in grid.batches(rectangle, 2 * grid.piece_bytes):
            covered[low:high_end, first:last] += 1
            numbers += grid.numbers((low, high_end, first, last))
        assert (
            covered.sum()
            == covered[top:bottom, left:right].sum()
            == (bottom - top) * (right - left)
        )
        assert sorted(numbers) == grid.numbers(rectangle)


def test_both_kinds_of_nifti_are_known_by_their_magic():
    magics = {b"n": (b"n+1\0", b"n+2\0"), b"p": (b"ni1\0", b"ni2\0")}
    for kind, (first, second) in magics.items():
        for data in (bytes(344) + first, bytes(4) + second + bytes(600)):
            assert nifti(data) == nifti(zlib.compress(data, wbits=31)) == kind
    assert nifti(bytes(600)) == b""
