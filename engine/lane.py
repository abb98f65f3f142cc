"""One job at a time per device, with progress, cancel and a place in the queue.

A job is named by the digest of its question: whoever asks the same thing while it waits or runs
joins it, and it is cancelled only when the last of them has left. The shortest kind of job goes
first, and among equals the visitor who was served longest ago. A longer job lets waiting live
questions through at its progress calls, as long as it has no hook on a model at that moment.

What costs a "job" is wanted by the house too: it goes on when its visitors have closed the page,
and ends when the last of them who is still there stops it.
"""

from __future__ import annotations

import atexit
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from time import monotonic
from typing import Generic, Literal, TypeVar

import torch

from engine.errors import BlindspotError, Cancelled, TooBusy
from engine.method import Cost, Progress
from engine.models.borrow import borrowing
from engine.result import Result

T = TypeVar("T")
RANK: dict[Cost, int] = {"live": 0, "wait": 1, "job": 2}
LONGEST = 64  # jobs in one queue before a polite refusal
REMEMBERED = 1000  # visitors whose last turn is known
PAST = 30  # longer jobs that are told of when they are over
HOUSE = "house"  # the visitor who never closes the page

End = Literal["done", "failed", "stopped"]


@dataclass(frozen=True)
class Past:
    """A job that is over; nothing it worked on is held."""

    name: str
    title: str
    end: End
    why: str  # of a failure, or how far a stopped one had come
    seconds: float
    when: datetime


@dataclass(eq=False)
class Job(Generic[T]):
    """One question on its way, shared by everyone who asked it."""

    name: str
    work: Callable[[Progress], T]
    cost: Cost
    visitors: set[str]
    order: int
    title: str = ""
    done: float = 0.0
    words: str = "waiting"
    partial: Result | None = None
    started: float | None = None  # monotonic seconds
    _lane: Lane | None = None
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
        """No longer wanted by this visitor; the last to leave cancels it, at once if it waits."""
        if self._lane is None:
            self._leave(visitor)
        else:
            with self._lane.changed:  # nobody joins meanwhile, and the lane does not start it
                self._leave(visitor)
                if self.finished:
                    self._lane.drop(self)

    def stop(self, visitor: str) -> None:
        """As `leave`, but the house does not go on alone."""
        self.leave(visitor)
        if self.visitors == {HOUSE}:
            self.leave(HOUSE)

    def _leave(self, visitor: str) -> None:
        self.visitors.discard(visitor)
        if self.visitors or self.finished:
            return
        self._cancelled.set()
        if self.started is None:
            self._error = Cancelled("Cancelled before it started.")
            self._finished.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end; whether it came."""
        return self._finished.wait(seconds)

    def value(self) -> T:
        """What the work gave; raises what the work raised."""
        self._finished.wait()
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # set whenever no error is

    def past(self) -> Past:
        """What is told of it when it is over."""
        end: End = "done" if self._error is None else "stopped" if self.cancelled else "failed"
        why = (
            ""
            if end == "done"
            else f"at {self.done:.0%}"
            if end == "stopped"
            else said(self._error)
        )
        seconds = 0.0 if self.started is None else monotonic() - self.started
        return Past(self.name, self.title, end, why, seconds, datetime.now(UTC))

    def run(self, progress: Progress) -> None:
        """Do the work; called by the lane only."""
        self.words = "starting"
        try:
            progress(0.0)
            self._value = self.work(progress)
        except BaseException as error:  # noqa: BLE001 - handed to whoever asked
            self._error = error
        finally:
            self._finished.set()


def said(error: BaseException | None) -> str:
    """The reason, where it is meant for a person."""
    return str(error) if isinstance(error, BlindspotError) else "something went wrong; see the log"


class Lane:
    """The queue of one device and the thread that empties it."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.changed = threading.Condition()  # guards everything below, and who wants which job
        self._jobs: dict[str, Job[object]] = {}  # waiting or running
        self._past: deque[Past] = deque(maxlen=PAST)
        self._served: dict[str, int] = {}  # visitor → when last served, oldest first
        self._ticks = count()
        self._closing = False
        self._thread = threading.Thread(target=self._loop, name=f"lane {device}", daemon=True)
        self._thread.start()

    @property
    def inside(self) -> bool:
        """Whether the caller is itself running in this lane."""
        return threading.current_thread() is self._thread

    def submit(
        self,
        name: str,
        work: Callable[[Progress], T],
        cost: Cost,
        visitor: str = "",
        title: str = "",
    ) -> Job[T]:
        """Queue the work, or join the job of the same name. Raises TooBusy when full."""
        with self.changed:
            known = self._jobs.get(name)
            if known is not None and not known.cancelled and not known.finished:
                known.visitors.add(visitor)
                return known  # type: ignore[return-value]  # one name, one kind of answer
            if len(self._jobs) >= LONGEST:
                raise TooBusy(f"{LONGEST} questions are waiting already; please try again soon.")
            wanting = {visitor, HOUSE} if cost == "job" else {visitor}
            job = Job(name, work, cost, wanting, next(self._ticks), title, _lane=self)
            self._jobs[name] = job  # type: ignore[assignment]
            self.changed.notify_all()
            return job

    def find(self, name: str) -> Job[object] | None:
        """The job of that name that waits or runs."""
        with self.changed:
            return self._jobs.get(name)

    def jobs(self) -> list[Job[object]]:
        """What runs and what waits, in the order in which they came."""
        with self.changed:
            return list(self._jobs.values())

    def past(self) -> list[Past]:
        """The longer jobs that are over, the latest first."""
        with self.changed:
            return list(reversed(self._past))

    def place(self, job: Job[T]) -> int:
        """How many jobs go before this one, as things stand; 0 while it runs."""
        with self.changed:
            if job.started is not None or job.finished:
                return 0
            waiting = self._waiting()
            before = len(self._jobs) - len(waiting)
            served, tick = dict(self._served), next(self._ticks)
            while waiting and (first := min(waiting, key=turn(served))) is not job:
                waiting.remove(first)
                served |= dict.fromkeys(first.visitors, tick)
                before, tick = before + 1, tick + 1
            return before

    def drop(self, job: Job[T]) -> None:
        """The job is over. Caller holds the lock."""
        if job.cost != "live":
            self._past.append(job.past())
        if self._jobs.get(job.name) is job:  # a later one may have the name by now
            del self._jobs[job.name]

    def _waiting(self) -> list[Job[object]]:
        return [job for job in self._jobs.values() if job.started is None]

    def _start(self, cost: Cost | None = None) -> Job[object] | None:
        """Take the next job, of that cost only if one is given. Caller holds the lock."""
        waiting = [job for job in self._waiting() if cost in {None, job.cost}]
        job = min(waiting, key=turn(self._served), default=None)
        if job is not None:
            job.started = monotonic()
            for visitor in job.visitors:
                self._served.pop(visitor, None)
                self._served[visitor] = next(self._ticks)
            while len(self._served) > REMEMBERED:
                del self._served[next(iter(self._served))]
        return job

    def close(self, seconds: float = 10.0) -> None:
        """Cancel everything and wait for the thread: torch must not be cut off in its middle."""
        with self.changed:
            self._closing = True
            for job in list(self._jobs.values()):
                for visitor in list(job.visitors):
                    job.leave(visitor)
            self.changed.notify_all()
        self._thread.join(seconds)

    def _loop(self) -> None:
        while True:
            with self.changed:
                while (job := self._start()) is None:
                    if self._closing:
                        return
                    self.changed.wait()
            self._serve(job)
            del job  # an idle lane holds nobody's image or model

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
        with self.changed:
            self.drop(job)

    def _let_through(self) -> None:
        """Answer the live questions that wait, inside the longer job's progress call."""
        while True:
            with self.changed:
                if (job := self._start("live")) is None:
                    return
            with undisturbed(self.device):
                self._serve(job)


def turn(served: dict[str, int]) -> Callable[[Job[object]], tuple[int, int, int]]:
    """The order of the queue: shortest kind, then who was served longest ago, then who came."""

    def key(job: Job[object]) -> tuple[int, int, int]:
        last = min((served.get(one, -1) for one in job.visitors - {HOUSE}), default=-1)
        return RANK[job.cost], last, job.order

    return key


@contextmanager
def undisturbed(device: str) -> Iterator[None]:
    """Neither side notices the other: torch's random numbers, gradient mode and autocast."""
    kind, _, number = device.partition(":")
    devices = [int(number or 0)] if kind == "cuda" else []
    with (
        torch.random.fork_rng(devices),
        torch.inference_mode(mode=False),
        torch.enable_grad(),
        torch.autocast(kind, enabled=False),
    ):
        yield


_lanes: dict[str, Lane] = {}
_lanes_lock = threading.Lock()


def lane(device: str) -> Lane:
    """The one lane of a device in this process."""
    with _lanes_lock:
        if device not in _lanes:
            _lanes[device] = Lane(device)
        return _lanes[device]


def lanes() -> tuple[Lane, ...]:
    """Every lane that was used in this process."""
    with _lanes_lock:
        return tuple(_lanes.values())


@atexit.register
def close_lanes() -> None:
    """Leave no job running when the process ends."""
    for one in list(_lanes.values()):
        one.close()
