"""What opened files take is booked before it is allocated, and given back."""

import gc
import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import BadData, BadImage
from engine.core.keeping import budget
from engine.core.keeping.budget import MemoryBudget, OverBudget, owner_of, visited_by
from engine.vision.data import load, registry
from engine.vision.data.folders import read_folders
from engine.vision.data.medmnist import read_npz
from engine.vision.images import load as load_image
from engine.vision.images import reader
from tests import opened_at_once
from tests.engine.vision.data.test_folders import png, two, zipped
from tests.engine.vision.data.test_medmnist import arrays, npz
from tests.scans import nifti

ROOT = Path(__file__).resolve().parents[3]
MOST = 1_000_000_000


@pytest.fixture
def small(monkeypatch):
    """A budget of a few MB beside what every reader may take."""
    memory_budget = MemoryBudget(total=reader.SMALL + 60_000_000, kept=3_000_000, each=2_000_000)
    monkeypatch.setattr(budget, "BUDGET", memory_budget)
    monkeypatch.setattr(reader, "BUDGET", memory_budget)
    return memory_budget


@pytest.mark.parametrize(
    "kind",
    [
        "npz",
        pytest.param("nifti", marks=pytest.mark.slow),
        pytest.param("zip of pictures", marks=pytest.mark.slow),
        pytest.param("dicom", marks=pytest.mark.slow),
        pytest.param("deflated dicom", marks=pytest.mark.slow),
        pytest.param("tiled tiff", marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
)
def test_four_small_files_at_once_take_less_than_a_gigabyte_and_give_it_back(kind):
    program = [sys.executable, "-m", "tests.opened_at_once", kind]
    completed = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True)
    result = json.loads(completed.stdout.splitlines()[-1])
    assert result["file"] < 10_000_000
    assert result["peak"] < MOST
    assert result["left"] == 0
    assert result["after"] < 100_000_000
    assert len(result["said"]) + result["opened"] == 4
    assert all(words.endswith(".") for words in result["said"])


def test_the_memory_of_a_process_that_only_begins_is_not_counted_twice():
    held, seen, ended = bytearray(b"1" * 300_000_000), [], threading.Event()
    before = opened_at_once.memory()

    def sample():
        while not ended.is_set():
            seen.append(opened_at_once.memory())

    sampler = threading.Thread(target=sample)
    sampler.start()
    for _ in range(30):
        subprocess.run(["/bin/true"], check=True)
    ended.set()
    sampler.join()
    assert max(seen) < before + len(held) / 2


def test_more_than_a_visitor_or_all_of_them_may_have_is_refused_in_a_sentence():
    memory_budget = MemoryBudget(total=1000_000_000, kept=600_000_000, each=400_000_000)
    first = memory_budget.book("a", 300_000_000, "“a.npz”")
    with pytest.raises(OverBudget, match=r"“b.npz” takes 200 MB .* You have 300 MB open"):
        memory_budget.book("a", 200_000_000, "“b.npz”")
    memory_budget.book("b", 300_000_000)
    with pytest.raises(OverBudget, match="visitors of this server have 600 MB open"):
        memory_budget.book("c", 1_000_000)
    first.free()
    first.free()  # twice is once
    memory_budget.book("c", 300_000_000)
    assert memory_budget.booked == {"b": 300_000_000, "c": 300_000_000}
    MemoryBudget(total=9, kept=9, each=5).book("a", 5)  # all that one may have
    memory_budget.book("", 10**12)  # outside of the app nobody is counted
    assert memory_budget.booked.total() == 600_000_000


def test_what_readers_need_is_waited_for_and_what_can_never_be_is_said(monkeypatch):
    memory_budget = MemoryBudget(total=100, kept=80, each=80)
    order = []

    def decode(name):
        with memory_budget.decoding(60):
            order.append(name)

    with memory_budget.decoding(60):
        waiting = threading.Thread(target=decode, args=("second",))
        waiting.start()
        waiting.join(0.1)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
    memory_budget.book("a", 50)
    with (
        pytest.raises(OverBudget, match="needs 0 MB of memory to be decoded"),
        memory_budget.decoding(60),
    ):
        pass
    monkeypatch.setattr(budget, "WAIT_SECONDS", 0.05)
    with memory_budget.decoding(40), pytest.raises(OverBudget, match="try again in a minute"):  # noqa: SIM117
        with memory_budget.decoding(40):
            pass
    assert memory_budget.passing == 0


def test_opening_waits_while_readers_have_the_memory():
    memory_budget = MemoryBudget(total=100, kept=80, each=80)
    with memory_budget.decoding(60):
        waiting = threading.Thread(target=memory_budget.book, args=("a", 60))
        waiting.start()
        waiting.join(0.1)
        assert not memory_budget.booked
    waiting.join()
    assert memory_budget.booked == {"a": 60}


def test_bytes_are_given_back_when_every_view_of_an_array_is_gone():
    memory_budget = MemoryBudget()
    whole = np.zeros((10, 1000), np.uint8)
    memory_budget.book("a", 5).hand_over([whole[:5]])
    view = whole[3, ::2]
    assert memory_budget.booked["a"] == whole.nbytes
    assert owner_of(view) is whole
    del whole
    assert memory_budget.booked["a"] == 10_000
    del view
    assert not memory_budget.booked


def scan(side):
    return nifti(np.zeros((side, side, 8), np.int16))


@pytest.mark.parametrize(
    ("read", "fits", "too_much"),
    [
        (lambda side: read_npz(npz(arrays((side, side)))).data, 28, 256),
        (lambda side: read_folders(zipped(two()), side=side).data, 64, 256),
        (lambda side: load_image(png(size=(side, side))), 300, 1000),
        (lambda side: load_image(scan(side), "a.nii"), 64, 600),
    ],
    ids=["npz", "zip", "picture", "scan"],
)
def test_everything_that_is_opened_is_booked_for_whoever_opened_it(small, read, fits, too_much):
    with visited_by("a"):
        opened = read(fits)
        booked = small.booked["a"]
        assert 0 < booked <= 2_000_000
        with pytest.raises((BadData, BadImage), match="of memory once it is opened"):
            read(too_much)
    assert small.booked["a"] == booked
    del opened
    gc.collect()
    assert not small.booked
    assert small.passing == 0


def test_what_a_person_opened_is_found_by_name_as_long_as_somebody_holds_it():
    data = read_folders(zipped(two())).data
    name = registry.add(data)
    assert load(name) is data
    noisy = f"{name}+noisy:share=0.5"
    load(noisy)
    registry.forget_variants()
    assert registry.cached(noisy) is not None
    del data
    gc.collect()
    registry.forget_variants()
    assert registry.cached(noisy) is None
    with pytest.raises(BadData, match="open their file again"):
        load(name)
