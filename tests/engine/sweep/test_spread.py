"""Processes here and workers of a cluster give what one process gives, whoever is killed."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from joblib.externals.loky import get_reusable_executor

from engine.core.errors import BlindspotError
from engine.core.method import quiet
from engine.core.result import Curve
from engine.sweep import scheduler, spread
from engine.sweep.scheduler import Scheduler
from engine.sweep.spread import Cluster, LocalExecutor, Processes, at_our_home, cluster
from engine.sweep.sweeping import long, look_up, sweep
from engine.sweep.work import Found, Numbered, chunks
from engine.vision.models import pace
from tests import tiny
from tests.engine.sweep.conftest import arrays, entries

needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="distributed is missing")
COUNT = 6  # digits
LOCAL = Scheduler("tcp://127.0.0.1:8786")


def numbered(count):
    """Questions that nobody looks into."""
    return [Numbered(place, None) for place in range(count)]


@pytest.fixture
def alone(at_home, digits):
    """What one process computes: the files of numbers, and the digests in the plan's order."""
    home, threads = at_home("alone"), torch.get_num_threads()
    torch.set_num_threads(1)  # as each of several processes has it
    done = sweep(look_up(digits(COUNT), LocalExecutor(), quiet), LocalExecutor(), quiet)
    torch.set_num_threads(threads)
    return arrays(home), [row.digest for row in done.rows]


@pytest.fixture(scope="module")
def no_processes():
    """Processes of other files have their home; those of this one, started once, end with it."""
    yield get_reusable_executor().shutdown(wait=True, kill_workers=True)
    get_reusable_executor().shutdown(wait=True, kill_workers=True)


def test_two_processes_give_the_same_bits_as_one(alone, at_home, digits, no_processes):
    home = at_home()
    two = Processes(2)
    looked = look_up(digits(COUNT), two, quiet)
    assert len(looked.missing) == 3 * COUNT
    done = sweep(looked, two, quiet)
    assert done.computed == 3 * COUNT
    assert (arrays(home), [row.digest for row in done.rows]) == alone


def test_who_stops_hears_of_no_pieces_left_over(recwarn, monkeypatch, no_processes):
    monkeypatch.setattr(spread, "with_paces", lambda piece, paces, compute: piece)
    result = Processes(2)(numbered(40), compute=True)
    assert len(next(result)) == 5
    result.close()
    assert not [warning for warning in recwarn if "not used" in str(warning.message)]


def test_a_process_that_is_killed_is_said_in_a_sentence(monkeypatch, no_processes):
    def dies(piece, paces, *, compute):
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(spread, "with_paces", dies)
    with pytest.raises(BlindspotError, match="What was finished is kept: ask again"):
        list(Processes(2)(numbered(2), compute=True))


LOGGED = """
import os
from engine.core import run
if not hasattr(run, "unlogged"):  # a worker may run this twice
    run.unlogged = run.answer
    def logged(*asked, **more):
        found = run.unlogged(*asked, **more)
        if not found.kept:
            with open(os.environ["COMPUTED"], "a") as file:
                file.write(f"{os.getpid()} {found.record['digest']}\\n")
        return found
    run.answer = logged
"""


@pytest.fixture
def workers_at(tmp_path, monkeypatch):
    """Start two workers that nobody starts again, which log what they compute; they end here."""
    (tmp_path / "logged.py").write_text(LOGGED)
    monkeypatch.setenv("COMPUTED", str(tmp_path / "computed.txt"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    started = []

    def start(address):
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny"]
        more = ["--nthreads", "1", "--no-dashboard", "--preload", str(tmp_path / "logged.py")]
        options = {"cwd": tmp_path, "stderr": subprocess.DEVNULL}
        started.extend(subprocess.Popen([*command, *more], **options) for _ in range(2))
        return started

    yield start
    for process in started:
        process.kill()
        process.wait()


@needs_dask
@pytest.mark.slow
def test_a_worker_that_is_killed_costs_nothing_that_was_finished(
    alone, at_home, digits, workers_at, tmp_path, monkeypatch
):
    from distributed import LocalCluster

    monkeypatch.setattr(scheduler, "PATIENCE", 120.0)
    home = at_home()
    killed, finished = [], {}
    with LocalCluster(n_workers=0, dashboard_address=None) as local_cluster:
        processes = workers_at(local_cluster.scheduler_address)
        local_cluster.wait_for_workers(2, timeout=300)
        workers = cluster(Scheduler(local_cluster.scheduler_address))
        assert workers.count == 2
        looked = look_up(digits(COUNT), workers, quiet)
        assert len(looked.missing) == 3 * COUNT

        def kill(tally):
            if not killed:
                finished.update(entries(home))
                processes[0].kill()
                killed.append(processes[0].pid)

        done = sweep(looked, workers, kill)
        assert killed
        assert len(finished) >= 2  # at least one answer
        assert not done.left_out
        assert (arrays(home), [row.digest for row in done.rows]) == alone
        for name, data in finished.items():
            assert entries(home)[name] == data, "it was computed twice"
        logged = [line.split() for line in (tmp_path / "computed.txt").read_text().splitlines()]
        computed = [digest for _, digest in logged]
        assert len(set(computed)) == len(computed), "it was computed twice"
        assert len(computed) >= 3 * COUNT - 1  # the last one of the killed worker may lack its line
        assert {int(pid) for pid, _ in logged} <= {process.pid for process in processes}
        again = look_up(digits(COUNT), workers, quiet)
        assert (again.kept, again.missing) == (3 * COUNT, ())
        elsewhere = replace(digits(1), axes={"model": ("digits-mlp",)})
        at_home("another")
        with pytest.raises(BlindspotError, match="set BLINDSPOT_HOME to one that all"):
            look_up(elsewhere, workers, quiet)
    assert not [*(home / spread.SIGNS).iterdir()]


@needs_dask
def test_a_scheduler_that_does_not_answer_is_said_in_a_sentence(monkeypatch):
    monkeypatch.setattr(scheduler, "PATIENCE", 0.5)
    with pytest.raises(BlindspotError, match=r"scheduler answers at tcp://127\.0\.0\.1:1: "):
        cluster(Scheduler("tcp://127.0.0.1:1"))


def test_without_the_library_it_is_said_how_to_have_it(monkeypatch):
    monkeypatch.setattr("engine.vision.models.extras.find_spec", lambda _: None)
    with pytest.raises(BlindspotError, match="pip install distributed"):
        cluster(Scheduler("tcp://127.0.0.1:8786"))


class FakeClient:
    """Futures that give or raise what `results` has for each piece; a scheduler's workers."""

    loop = None

    def __init__(self, results=(), workers=()):
        self.results, self.workers, self.asked = results, workers, {}

    def map(self, work, pieces, **more):
        self.asked.update(more, pieces=pieces)
        return [FakeFuture(result) for result in self.results[: len(pieces)]]

    def cancel(self, futures):
        self.asked["cancelled"] = True

    def scheduler_info(self, n_workers):
        return {"workers": dict(enumerate(self.workers))}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


class FakeFuture:
    def __init__(self, given):
        self.given = given

    def result(self):
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


@pytest.fixture
def connect(monkeypatch):
    """Have a fake client in place of a cluster's."""
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(distributed, "as_completed", lambda futures, loop: iter(futures))

    def to(client):
        monkeypatch.setattr(spread, "connected", lambda _: client)
        return client

    return to


def test_a_piece_that_ends_its_workers_does_not_end_the_sweep(connect):
    distributed = pytest.importorskip("distributed")
    ended = distributed.client.FutureCancelledError("x", "")
    results = [distributed.KilledWorker("x", None, 3), ended, *([Found(n)] for n in range(12))]
    client = connect(FakeClient(results))
    result = list(Cluster(LOCAL, gpu=True, count=3)(numbered(40), compute=True))
    assert [len(piece) for piece in client.asked["pieces"]] == [3] * 13 + [1]
    assert [[outcome.place for outcome in piece] for piece in result[:2]] == [[0, 1, 2], [3, 4, 5]]
    assert all(one.fault and "tries again" in one.problem for piece in result[:2] for one in piece)
    assert "Several workers ended" in result[0][0].problem
    assert result[2:] == results[2:]
    assert client.asked["resources"] == {"GPU": 1}
    assert client.asked["priority"] < 0
    assert client.asked["cancelled"]


def test_workers_without_the_code_are_said_in_a_sentence(connect):
    client = connect(FakeClient([ModuleNotFoundError("no", name="engine")]))
    with pytest.raises(BlindspotError, match="cannot import engine: start them with"):
        list(Cluster(LOCAL)(numbered(1), compute=True))
    assert client.asked["cancelled"]


def test_a_cluster_without_a_worker_that_fits_is_not_waited_for(connect):
    connect(FakeClient())
    with pytest.raises(BlindspotError, match="has no worker yet: start one"):
        cluster(LOCAL)
    connect(FakeClient(workers=[{"resources": {}}, {"resources": {"GPU": 1}}, {}]))
    assert cluster(LOCAL).count == 3
    assert cluster(LOCAL, gpu=True).count == 1
    connect(FakeClient(workers=[{"resources": {}}]))
    with pytest.raises(BlindspotError, match="no worker with the resource GPU"):
        cluster(LOCAL, gpu=True)


def test_what_takes_long_is_a_piece_alone(digits):
    question = digits(1).questions()[0]
    results = [long(Numbered(0, question), seconds) for seconds in (None, 9.0, 11.0)]
    assert results == [False, False, True]
    assert long(Numbered(1, replace(question, method="attribution.Study")), None)
    questions = [replace(question, alone=question.place in {1, 4}) for question in numbered(7)]
    places = [[question.place for question in piece] for piece in chunks(questions, 2)]
    assert places == [[0], [1], [2, 3], [4], [5, 6]]


def test_a_worker_takes_the_paces_of_the_sweep_and_knows_our_home(at_home, digits, monkeypatch):
    at_home()
    monkeypatch.setattr(pace, "_taken", {})
    with spread.sign() as token:
        assert at_our_home([], token, {"a|b": {"batch": 3}}, compute=False) == []
        assert pace._taken == {"a|b": {"batch": 3}}
    with pytest.raises(BlindspotError, match="which is not our folder"):
        at_our_home([], token, {}, compute=False)


def test_a_pace_that_was_taken_decides_the_batch(monkeypatch):
    model = tiny.cnn()
    monkeypatch.setattr(pace, "_taken", {})
    monkeypatch.setattr(pace, "_measured_rows", {})  # what other tests of this process went by
    result = pace.find_pace(model, "exact")
    (key,) = pace.current_pace()
    pace.adopt_paces({key: {"batch": 7, "channels_last": result.channels_last, "seconds": 0.1}})
    assert pace.find_pace(model, "exact").batch == 7


def test_processes_hold_less_in_memory(at_home, monkeypatch):
    at_home()
    monkeypatch.setattr(pace, "_taken", {})
    store = spread.run.store()
    assert spread.with_paces([], {}, compute=False) == []
    assert store.memory_bytes == spread.MEMORY_BYTES
    room = np.zeros(spread.MEMORY_BYTES // 8 + 1)
    for name in ("a", "b"):  # each larger than the room: the last one stays
        store.put(name, {"curve": Curve(room, room, "x", "y", "")}, {})
        assert store._memory.names() == [name]


def test_pieces_are_small_enough_to_go_round():
    assert [spread.piece_size(count, 2) for count in (1, 8, 48, 10_000)] == [1, 1, 6, 16]
