"""One job at a time per device, with progress, cancel and a place in the queue.

A job is named by the digest of its question: whoever asks the same thing while it waits or runs
joins it, and it is cancelled only when the last of them has left. The shortest kind of job goes
first, and among equals the visitor who was served longest ago. A longer job lets waiting live
questions through at its progress calls, as long as it has no hook on a model at that moment.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Generic, TypeVar

from engine.errors import Cancelled, TooBusy
from engine.method import Cost, Progress
from engine.models.borrow import borrowing
from engine.result import Result

log = logging.getLogger(__name__)

T = TypeVar("T")
RANK: dict[Cost, int] = {"live": 0, "wait": 1, "job": 2}
LONGEST = 64  # jobs in one queue before a polite refusal


@dataclass(eq=False)
class Job(Generic[T]):
    """One question on its way, shared by everyone who asked it."""

    name: str
    work: Callable[[Progress], T]
    cost: Cost
    visitors: set[str]
    order: int
    done: float = 0.0
    words: str = "waiting"
    partial: Result | None = None
    started: float | None = None  # monotonic seconds
    _finished: threading.Event = field(default_factory=threading.Event)
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _value: T | None = None
    _error: BaseException | None = None

    @property
    def finished(self) -> bool:
        """Whether it has ended, well or not."""
        return self._finished.is_set()

    @property
    def cancelled(self) -> bool:
        """Whether it was told to stop."""
        return self._cancelled.is_set()

    def seconds_left(self) -> float | None:
        """A guess from the share done so far."""
        if self.started is None or self.done < 0.02:
            return None
        return (monotonic() - self.started) * (1 - self.done) / self.done

    def leave(self, visitor: str = "") -> None:
        """No longer wanted by this visitor; the last to leave cancels it."""
        self.visitors.discard(visitor)
        if not self.visitors:
            self._cancelled.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end; whether it came."""
        return self._finished.wait(seconds)

    def value(self) -> T:
        """What the work gave; raises what the work raised."""
        self._finished.wait()
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # set whenever no error is

    def abandon(self) -> None:
        """End without having started."""
        self._error = Cancelled("Cancelled before it started.")
        self._finished.set()

    def run(self, progress: Progress) -> None:
        """Do the work; called by the lane only."""
        self.started = monotonic()
        self.words = "starting"
        try:
            if self.cancelled:
                raise Cancelled("Cancelled before it started.")
            self._value = self.work(progress)
        except BaseException as error:  # noqa: BLE001 - handed to whoever asked
            self._error = error
        finally:
            self._finished.set()


class Lane:
    """The queue of one device and the thread that empties it."""

    def __init__(self, device: str) -> None:
        self.device = device
        self._jobs: dict[str, Job[object]] = {}  # waiting or running
        self._served: dict[str, int] = {}  # visitor → when last served
        self._ticks = count()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._loop, name=f"lane {device}", daemon=True)
        self._thread.start()

    @property
    def inside(self) -> bool:
        """Whether the caller is itself running in this lane."""
        return threading.current_thread() is self._thread

    def submit(
        self, name: str, work: Callable[[Progress], T], cost: Cost, visitor: str = ""
    ) -> Job[T]:
        """Queue the work, or join the job of the same name. Raises TooBusy when full."""
        with self._changed:
            known = self._jobs.get(name)
            if known is not None and not known.cancelled and not known.finished:
                known.visitors.add(visitor)
                return known  # type: ignore[return-value]  # one name, one kind of answer
            if known is not None and known.started is None:
                known.abandon()
            if len(self._jobs) >= LONGEST:
                raise TooBusy(f"{LONGEST} questions are waiting already; please try again soon.")
            job = Job(name, work, cost, {visitor}, next(self._ticks))
            self._jobs[name] = job  # type: ignore[assignment]
            self._changed.notify_all()
            return job

    def place(self, job: Job[T]) -> int:
        """How many jobs go before this one; 0 while it runs."""
        with self._changed:
            if job.started is not None or job.finished:
                return 0
            others = [one for one in self._jobs.values() if one is not job]
            mine = RANK[job.cost], job.order
            return sum(one.started is not None or self._key(one) < mine for one in others)

    def _key(self, job: Job[object]) -> tuple[int, int]:
        return RANK[job.cost], job.order

    def _next(self, cost: Cost | None = None) -> Job[object] | None:
        """The waiting job to run now; with a cost, only of that cost. Caller holds the lock."""
        waiting = [
            job
            for job in self._jobs.values()
            if job.started is None and (cost is None or job.cost == cost)
        ]
        return min(
            waiting,
            key=lambda job: (
                RANK[job.cost],
                max((self._served.get(one, -1) for one in job.visitors), default=-1),
                job.order,
            ),
            default=None,
        )

    def _loop(self) -> None:
        while True:
            with self._changed:
                while (job := self._next()) is None:
                    self._changed.wait()
                job.started = monotonic()
            self._serve(job)

    def _serve(self, job: Job[object]) -> None:
        def progress(done: float, words: str = "", partial: Result | None = None) -> None:
            job.done, job.words = done, words or job.words
            if partial is not None:
                job.partial = partial
            if job.cancelled:
                raise Cancelled("Cancelled.")
            if job.cost != "live" and not borrowing():
                self._let_through()

        job.run(progress)
        with self._changed:
            for visitor in job.visitors:
                self._served[visitor] = next(self._ticks)
            if self._jobs.get(job.name) is job:
                del self._jobs[job.name]

    def _let_through(self) -> None:
        """Answer the live questions that wait, inside the longer job's progress call."""
        while True:
            with self._changed:
                if (job := self._next("live")) is None:
                    return
                job.started = monotonic()
            self._serve(job)


_lanes: dict[str, Lane] = {}
_lanes_lock = threading.Lock()


def lane(device: str) -> Lane:
    """The one lane of a device in this process."""
    with _lanes_lock:
        if device not in _lanes:
            _lanes[device] = Lane(device)
        return _lanes[device]
