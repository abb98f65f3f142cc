"""What is kept comes back whole or is made again; the disk's troubles never show."""

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import sleep

import numpy as np
import pytest

from engine.core.errors import Cancelled
from engine.vision.data import keeping
from engine.vision.data.keeping import stored_arrays

pytestmark = pytest.mark.usefixtures("empty_home")


class Maker:
    def __init__(self, size=100):
        self.times, self.size = 0, size

    def __call__(self):
        self.times += 1
        rng = np.random.default_rng(0)
        return {
            "images": rng.integers(0, 256, (self.size, 1, 5, 7), np.uint8),
            "mask": rng.random((self.size, 5, 7)) > 0.5,
            "height": rng.random(self.size, np.float32),
        }


def same(a, b):
    return a.keys() == b.keys() and all(
        a[k].dtype == b[k].dtype and np.array_equal(a[k], b[k]) for k in a
    )


def test_arrays_come_back_as_they_were_and_another_recipe_is_another_file(empty_home):
    maker = Maker()
    first, second = (stored_arrays("toy", {"seed": 1}, maker) for _ in range(2))
    assert maker.times == 1
    assert same(first, second)
    assert same(first, maker())
    assert second["mask"].shape == (100, 5, 7)
    (file,) = (empty_home / "data").iterdir()
    assert file.stat().st_size < first["images"].nbytes + 100 * (5 + 4) + 500  # masks as bits
    stored_arrays("toy", {"seed": 2}, maker)
    assert maker.times == 3  # one of them here


@pytest.mark.parametrize("at", [0, 20, 200, -1])
def test_a_damaged_file_is_made_again(empty_home, at):
    maker = Maker()
    first = stored_arrays("toy", {}, maker)
    (file,) = (empty_home / "data").iterdir()
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)
    assert same(stored_arrays("toy", {}, maker), first)
    assert maker.times == 2
    file.write_bytes(b"")
    assert same(stored_arrays("toy", {}, maker), first)


def test_a_disk_that_is_full_costs_the_copy_only(empty_home, monkeypatch, caplog):
    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keeping, "write_atomic", full)
    maker = Maker()
    assert same(stored_arrays("toy", {}, maker), maker())
    assert list((empty_home / "data").iterdir()) == []
    assert "not kept on disk" in caplog.text


def test_the_folder_stays_within_its_size(empty_home, monkeypatch):
    maker = Maker()
    stored_arrays("toy", {"n": 0}, maker)
    (first,) = (empty_home / "data").iterdir()
    monkeypatch.setattr(keeping, "DISK_BYTES", 3 * first.stat().st_size)
    os.utime(first, (1, 1))
    for n in range(1, 4):
        stored_arrays("toy", {"n": n}, maker)
    assert not first.exists()
    assert len(list((empty_home / "data").iterdir())) == 3


def test_two_who_want_the_same_make_it_once():
    calls = []

    def slowly():
        calls.append(sleep(0.3))
        return Maker()()

    with ThreadPoolExecutor() as pool:
        first, second = pool.map(lambda _: stored_arrays("x", {"a": 1}, slowly), range(2))
    assert len(calls) == 1
    assert same(first, second)


def test_who_waits_can_be_called_off():
    begun, done = Event(), Event()

    def slowly():
        begun.set()
        done.wait(20)
        return Maker()()

    def stop():
        raise Cancelled

    with ThreadPoolExecutor() as pool:
        first = pool.submit(stored_arrays, "x", {"a": 2}, slowly)
        begun.wait(20)
        with pytest.raises(Cancelled):
            stored_arrays("x", {"a": 2}, Maker(), beat=stop)
        done.set()
    assert same(first.result(), Maker()())
