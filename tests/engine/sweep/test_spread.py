"""Processes here and workers of a cluster give what one process gives, whoever is killed."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from importlib.util import find_spec

import pytest
import torch
from joblib.externals.loky import get_reusable_executor

from engine.errors import BlindspotError
from engine.models import pace
from engine.sweep import spread
from engine.sweep.spread import Cluster, Here, Processes, at_our_home, cluster, piece_size, sign
from engine.sweep.sweeping import look_up, sweep
from tests.engine.sweep.conftest import arrays, entries

needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="distributed is missing")
COUNT = 16  # digits


def quiet(tally):
    """Report nothing."""


@pytest.fixture
def alone(at_home, digits):
    """What one process computes: the files of numbers, and the digests in the plan's order."""
    home, threads = at_home("alone"), torch.get_num_threads()
    torch.set_num_threads(1)  # as each of several processes has it
    done = sweep(look_up(digits(COUNT), Here(), quiet), Here(), quiet)
    torch.set_num_threads(threads)
    return arrays(home), [one.digest for one in done.rows]


@pytest.fixture
def no_processes():
    """Processes of other tests have their home; those of this one end with it."""
    yield get_reusable_executor().shutdown(wait=True, kill_workers=True)
    get_reusable_executor().shutdown(wait=True, kill_workers=True)


def test_two_processes_give_the_same_bits_as_one(alone, at_home, digits, no_processes):
    home = at_home()
    two = Processes(2)
    looked = look_up(digits(COUNT), two, quiet)
    assert len(looked.missing) == 3 * COUNT
    done = sweep(looked, two, quiet)
    assert done.computed == 3 * COUNT
    assert (arrays(home), [one.digest for one in done.rows]) == alone


def test_a_process_that_is_killed_is_said_in_a_sentence(monkeypatch, no_processes):
    def dies(piece, paces, *, compute):
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(spread, "with_paces", dies)
    with pytest.raises(BlindspotError, match="What was finished is kept: ask again"):
        list(Processes(2)([1, 2], compute=True))


def test_who_stops_hears_of_no_pieces_left_over(recwarn, monkeypatch, no_processes):
    monkeypatch.setattr(spread, "with_paces", lambda piece, paces, compute: piece)
    found = Processes(2)(list(range(40)), compute=True)
    assert len(next(found)) == 5
    found.close()
    assert not [one for one in recwarn if "not used" in str(one.message)]


@needs_dask
def test_a_worker_that_is_killed_costs_nothing_that_was_finished(alone, at_home, digits):
    from distributed import LocalCluster

    home = at_home()
    killed, finished = [], {}
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as there:
        workers = cluster(there.scheduler_address)
        assert workers.count == 2
        looked = look_up(digits(COUNT), workers, quiet)
        assert len(looked.missing) == 3 * COUNT

        def kill(tally):
            if not killed:
                killed.append(next(iter(there.workers.values())).pid)
                finished.update(entries(home))
                os.kill(killed[0], signal.SIGKILL)

        done = sweep(looked, workers, kill)
        assert killed
        assert len(finished) >= 2  # at least one answer
        assert not done.left_out
        assert done.computed <= len(looked.missing)
        assert (arrays(home), [one.digest for one in done.rows]) == alone
        for name, data in finished.items():
            assert entries(home)[name] == data, "it was computed twice"
        again = look_up(digits(COUNT), workers, quiet)
        assert (again.kept, again.missing) == (3 * COUNT, ())
        elsewhere = replace(digits(1), axes={"model": ("digits-mlp",)})
        at_home("another")
        with pytest.raises(BlindspotError, match="set BLINDSPOT_HOME to one that all"):
            look_up(elsewhere, workers, quiet)
    assert not [*(home / spread.SIGNS).iterdir()]


@needs_dask
def test_a_scheduler_that_does_not_answer_is_said_in_a_sentence(monkeypatch):
    monkeypatch.setattr(spread, "PATIENCE", 0.5)
    with pytest.raises(BlindspotError, match=r"scheduler answers at tcp://127\.0\.0\.1:1: "):
        cluster("tcp://127.0.0.1:1")


def test_without_the_library_it_is_said_how_to_have_it(monkeypatch):
    monkeypatch.setattr("engine.models.extras.find_spec", lambda _: None)
    with pytest.raises(BlindspotError, match="pip install distributed"):
        cluster("tcp://127.0.0.1:8786")


def test_what_workers_raise_is_said_in_a_sentence(monkeypatch):
    distributed = pytest.importorskip("distributed")
    asked = {}

    class Client:
        def map(self, work, pieces, **more):
            asked.update(more, pieces=pieces)
            return []

        loop = None

        def cancel(self, futures):
            asked["cancelled"] = True

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return False

    monkeypatch.setattr(spread, "connected", lambda _: Client())
    for error, words in (
        (distributed.KilledWorker("x", None, 3), "ended several workers"),
        (ModuleNotFoundError("no", name="engine"), "cannot import engine: start them with"),
    ):

        def failing(futures, loop, error=error):
            raise error
            yield

        monkeypatch.setattr(distributed, "as_completed", failing)
        with pytest.raises(BlindspotError, match=words):
            list(Cluster("tcp://x", gpu=True, count=3)(range(40), compute=True))
    assert asked["resources"] == {"GPU": 1}
    assert asked["priority"] < 0
    assert asked["cancelled"]
    assert [len(piece) for piece in asked["pieces"]] == [3] * 13 + [1]


def test_a_worker_takes_the_paces_of_the_sweep_and_knows_our_home(at_home, digits, monkeypatch):
    at_home()
    monkeypatch.setattr(pace, "_taken", {})
    with sign() as token:
        assert at_our_home([], token, {"a|b": {"batch": 3}}, compute=False) == []
        assert pace._taken == {"a|b": {"batch": 3}}
    with pytest.raises(BlindspotError, match="which is not our folder"):
        at_our_home([], token, {}, compute=False)


def test_a_pace_that_was_taken_decides_the_batch(monkeypatch):
    from tests import tiny

    model = tiny.cnn()
    monkeypatch.setattr(pace, "_taken", {})
    monkeypatch.setattr(pace, "_found", {})  # what other tests of this process went by
    found = pace.find_pace(model, "exact")
    (key,) = pace.found()
    pace.take({key: {"batch": 7, "channels_last": found.channels_last, "seconds": 0.1}})
    assert pace.find_pace(model, "exact").batch == 7


def test_pieces_are_small_enough_to_go_round():
    assert [piece_size(count, 2) for count in (1, 8, 48, 10_000)] == [1, 1, 6, 16]
