"""What a method hands over while it works is seen, and is never the answer."""

import threading
from dataclasses import dataclass

import numpy as np
import pytest

from engine.core import run
from engine.core.errors import Cancelled
from engine.core.keeping.store import Store
from engine.core.lane import lane
from engine.core.method import Method, quiet
from engine.core.result import HeatMap
from engine.core.run import answer, ask, digest, kept_answer
from engine.vision.case import ImageCase
from tests import tiny

paused, go = threading.Event(), threading.Event()


@dataclass(frozen=True)
class Rows(Method[ImageCase]):
    """Brightness row by row; after the first few it waits until it may go on."""

    name, family, title, cost = "Rows", "test", "Row by row", "wait"

    def __call__(self, case, progress=quiet):
        bright = case.image.mean(0).numpy()
        values = np.full_like(bright, np.nan)
        for row in range(len(bright)):
            values[row] = bright[row]
            heat = HeatMap(values.copy(), unit="brightness", signed=False)
            progress((row + 1) / len(bright), f"row {row}", partial={"map": heat})
            if row == 6:
                paused.set()
                while not go.wait(0.005):
                    progress(7 / len(bright), "waiting")
        return {"map": heat}


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    """A store in which nothing is known yet."""
    store = Store(tmp_path / "answers")
    monkeypatch.setattr(run, "store", lambda: store)
    paused.clear()
    go.clear()
    return store


def test_a_partial_result_is_seen_and_never_is_the_answer(own_store):
    case = tiny.cnn_case()
    job = ask(Rows(), case, "ann")
    assert paused.wait(20)
    assert 0 < np.isfinite(job.partial["map"].values).all(axis=1).sum() < 32
    assert kept_answer(Rows(), case) is None
    assert own_store.get(digest(Rows(), case)) is None
    go.set()
    np.testing.assert_array_equal(job.value()["map"].values, case.image.mean(0).numpy())


def test_a_partial_result_stays_partial_after_a_cancel():
    case = tiny.cnn_case()
    job = ask(Rows(), case, "ann")
    assert paused.wait(20)
    job.leave("ann")
    with pytest.raises(Cancelled):
        job.value()
    assert job.partial is not None
    assert kept_answer(Rows(), case) is None
    go.set()
    again = answer(Rows(), case)
    assert not again.kept
    assert np.isfinite(again["map"].values).all()
    assert lane("cpu").submit("after", lambda _progress: 4, "live").value() == 4
