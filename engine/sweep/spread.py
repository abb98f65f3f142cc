"""Who does the work of a sweep: this process, some processes here, or the workers of a cluster.

All three take pieces of a plan and give what was found, in the order in which it is done. What was
computed lies in the store by then, so that whoever dies costs the answer that it was working on.
"""

import os
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4
from warnings import catch_warnings, simplefilter

from engine.core import run
from engine.core.errors import BlindspotError
from engine.core.keeping.private import private_folder
from engine.core.keeping.store import home, write_atomic
from engine.sweep.parent_watch import end_with
from engine.sweep.scheduler import ADDRESS_LETTERS, Scheduler, connected
from engine.sweep.work import Found, Numbered, chunks, visit
from engine.vision.models import pace
from engine.vision.models.extras import DASK

LARGEST = 16  # questions that a process is given at once: progress is heard of after each piece
SHARE = 4  # pieces for each process, so that none waits long for the last one
BEHIND = -10  # priority of sweeps on a cluster that people use too
MEMORY_BYTES = 32 * 2**20  # of answers in each process: it reads few of them again
SIGNS = "sweeps"  # a folder at home
KILLED = (
    "Several workers ended while they had this piece of the sweep, perhaps for want of memory. "
    "The same command tries again."
)
CANCELLED = "The cluster gave this piece of the sweep up. The same command tries again."


class Executor(Protocol):
    """Does some questions, each once."""

    @property
    def count(self) -> int:
        """How many are done at once."""

    def __call__(self, questions: Sequence[Numbered], *, compute: bool) -> Iterator[list[Found]]:
        """What was found, piece by piece as it is done. Raises BlindspotError."""


@dataclass(frozen=True)
class LocalExecutor:
    """This process, with all of its threads."""

    count: int = 1

    def __call__(self, questions: Sequence[Numbered], *, compute: bool) -> Iterator[list[Found]]:
        yield from ([outcome] for outcome in visit(questions, compute=compute))


@dataclass(frozen=True)
class Processes:
    """Some processes on this computer, of one thread each. They are used again by the next call."""

    count: int

    def __call__(self, questions: Sequence[Numbered], *, compute: bool) -> Iterator[list[Found]]:
        """Pieces of questions that lie side by side, so that a process loads few models."""
        from joblib import Parallel, delayed, parallel_config
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        work = delayed(partial(with_paces, paces=pace.current_pace(), compute=compute))
        pieces = chunks(questions, piece_size(len(questions), self.count))
        with parallel_config(
            "loky",
            n_jobs=self.count,
            inner_max_num_threads=1,
            initializer=end_with,
            initargs=(os.getpid(),),
        ):
            parallel = Parallel(return_as="generator_unordered", batch_size=1)
            done = parallel(work(piece) for piece in pieces)
            try:
                for result in done:  # noqa: UP028  # it is closed below, without joblib's warning
                    yield result
            except TerminatedWorkerError:
                raise BlindspotError(
                    "A process of the sweep was ended from outside, perhaps for want of memory. "
                    "What was finished is kept: ask again, with fewer --jobs."
                ) from None
            finally:
                with catch_warnings():
                    simplefilter("ignore", UserWarning)  # of pieces that nobody waits for any more
                    done.close()


@dataclass(frozen=True)
class Cluster:
    """The workers of a Dask cluster, which keep their answers in the same folder as we do.

    Args:
        scheduler: where it is reached.
        gpu: whether each piece waits for a worker with the resource GPU.
        count: of the workers, when the sweep began.
    """

    scheduler: Scheduler
    gpu: bool = False
    count: int = 1

    def __call__(self, questions: Sequence[Numbered], *, compute: bool) -> Iterator[list[Found]]:
        """A piece whose worker dies goes to another one, which finds what was finished."""
        from distributed import KilledWorker, as_completed

        pieces = list(chunks(questions, piece_size(len(questions), self.count)))
        with connected(self.scheduler) as client, sign() as token:
            work = partial(at_our_home, token=token, paces=pace.current_pace(), compute=compute)
            resources = {"GPU": 1} if self.gpu else None
            waiting = client.map(work, pieces, pure=False, resources=resources, priority=BEHIND)
            assigned = dict(zip(waiting, pieces, strict=True))
            try:
                for future in as_completed(waiting, loop=client.loop):
                    try:
                        result = future.result()
                    except KilledWorker:
                        result = unfinished_rows(assigned[future], KILLED)
                    except CancelledError:
                        result = unfinished_rows(assigned[future], CANCELLED)
                    yield result
            except ModuleNotFoundError as error:
                raise BlindspotError(
                    f"The workers cannot import {error.name}: start them with Blindspot's folder "
                    "in PYTHONPATH, and with its requirements installed."
                ) from None
            finally:
                client.cancel(waiting)


def piece_size(questions: int, processes: int) -> int:
    """How many questions a process is given at once."""
    return max(1, min(LARGEST, questions // (SHARE * processes)))


def unfinished_rows(piece: Sequence[Numbered], problem: str) -> list[Found]:
    """What is said of a piece that no worker finished; what it did finish is kept all the same."""
    return [Found(numbered.place, problem=problem, fault=True) for numbered in piece]


def with_paces(piece: list[Numbered], paces: dict[str, Any], *, compute: bool) -> list[Found]:
    """In another process: as `visit`, with models run in batches as they are run in ours."""
    pace.adopt_paces(paces)
    run.store().hold_less(MEMORY_BYTES)
    return list(visit(piece, compute=compute))


def at_our_home(
    piece: list[Numbered], token: str, paces: dict[str, Any], *, compute: bool
) -> list[Found]:
    """On another computer: as `with_paces`, where answers lie in the folder that we read."""
    if not (home() / SIGNS / token).exists():
        raise BlindspotError(
            f"The worker on {socket.gethostname()} keeps its answers in {home()}, which is not our "
            "folder: set BLINDSPOT_HOME to one that all computers share, here and there."
        )
    return with_paces(piece, paces, compute=compute)


@contextmanager
def sign() -> Iterator[str]:
    """The name of a file at home, by which others see that it is theirs too."""
    path = Path(home() / SIGNS / uuid4().hex)
    private_folder(path.parent)
    write_atomic(path, b"")
    try:
        yield path.name
    finally:
        path.unlink(missing_ok=True)


def cluster(scheduler: Scheduler, *, gpu: bool = False) -> Cluster:
    """The cluster of that scheduler, if it has a worker that fits. Raises BlindspotError."""
    address = scheduler.address[:ADDRESS_LETTERS]
    if not DASK.installed:
        raise BlindspotError(f"--scheduler needs the library Dask: {DASK.install}")
    with connected(scheduler) as client:
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
    fit = sum(not gpu or worker.get("resources", {}).get("GPU", 0) >= 1 for worker in workers)
    if not fit:
        raise BlindspotError(
            f"The Dask cluster at {address} has no worker with the resource GPU: start its "
            'workers with --resources "GPU=1", or leave --gpu out.'
            if workers
            else f"The Dask cluster at {address} has no worker yet: start one with "
            f"`dask worker {address} --nthreads 1`."
        )
    return Cluster(scheduler, gpu, fit)


__all__ = ["Cluster", "Executor", "LocalExecutor", "Processes", "cluster"]
