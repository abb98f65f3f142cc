"""A zip of one's own as a training set, and the zip with its noise."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import BadData
from engine.unlearning import RandomNoise
from engine.unlearning.protection import own_folders, own_set
from tests.engine.unlearning.protection.test_own_folders import SHADES, unzipped, zipped

RNG = np.random.default_rng(1)
PICTURES = {
    f"mine/{name}": RNG.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    for name in ("test/cat/1.png", "train/cat/2.bmp", "test/dog/1.png", "train/dog/1.png")
}


def test_every_image_is_for_training_and_comes_back_under_its_path_with_its_noise():
    content = zipped(PICTURES)
    result = own_set.own_set(content, "mine.zip", 32)
    data = result.data
    assert data.classes == ("cat", "dog")
    assert len(data.rows("train")) == 4 == len(data)
    answer = RandomNoise(epsilon=5)(own_set.surrogate_case(data))
    pictures = unzipped(own_set.set_file(content, "mine.zip", data, answer["noise"]))
    assert set(pictures) == {name.replace(".bmp", ".png") for name in PICTURES}
    for name, clean in PICTURES.items():
        after = np.asarray(pictures[name.replace(".bmp", ".png")]).astype(int)
        assert np.abs(after - clean).max() == 5


def test_gray_images_stay_gray_and_others_are_brought_to_one_side():
    files = {"a/1.png": SHADES, "b/1.png": SHADES[::-1], "b/no.png": b"?"}
    result = own_set.own_set(zipped(files), "x.zip", 16)
    assert result.data.images.shape == (2, 1, 16, 16)
    assert [skipped_file.file for skipped_file in result.skipped] == ["b/no.png"]
    noise = RandomNoise()(own_set.surrogate_case(result.data))["noise"]
    pictures = unzipped(own_set.set_file(zipped(files), "x.zip", result.data, noise))
    assert {picture.mode for picture in pictures.values()} == {"L"}


@pytest.mark.parametrize("side", [8, 512])
def test_sides_that_noise_is_not_made_for_are_a_sentence(side):
    with pytest.raises(BadData, match=f"images of 16 to 64 px, not of {side} px"):
        own_set.own_set(zipped(PICTURES), "mine.zip", side)


def test_too_many_images_are_a_sentence(monkeypatch):
    monkeypatch.setattr(own_set, "MOST_IMAGES", 3)
    with pytest.raises(BadData, match="4 files; noise is made for at most 3 images"):
        own_set.own_set(zipped(PICTURES), "mine.zip", 32)


def test_reading_takes_no_longer_than_it_may(monkeypatch):
    monkeypatch.setattr(own_folders, "MOST_SECONDS", 0.0)
    with pytest.raises(BadData, match=r"“mine\.zip” takes more than 0 minutes here"):
        own_set.own_set(zipped(PICTURES), "mine.zip", 32)
