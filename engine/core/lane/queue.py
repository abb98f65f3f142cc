"""The queue of one device: who goes next, and who is let through in between."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from time import monotonic

import torch

from engine.core.borrow import borrowing
from engine.core.device import release_cache
from engine.core.errors import Cancelled, TooBusy
from engine.core.keeping import access
from engine.core.lane.job import HOUSE, Job, Past, T
from engine.core.method import Cost, Progress
from engine.core.process import release
from engine.core.result import Result

RANK: dict[Cost, int] = {"live": 0, "wait": 1, "job": 2}
LONGEST = 64  # jobs in one queue before a polite refusal
REMEMBERED = 1000  # visitors whose last turn is known
RESTS = 20.0  # seconds without a job, after which memory kept for the next one is given back
PAST = 30  # longer jobs that are told of when they are over


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
        public: str = "",
    ) -> Job[T]:
        """Queue the work, or join the job of the same name. Raises TooBusy when full."""
        with self.changed:
            existing = self._jobs.get(name)
            if existing is not None and not existing.cancelled and not existing.finished:
                existing.join(visitor)
                return existing  # type: ignore[return-value]  # one name, one kind of answer
            if len(self._jobs) >= LONGEST:
                raise TooBusy(f"{LONGEST} questions are waiting already; please try again soon.")
            wanting = {visitor, HOUSE} if cost == "job" else {visitor}
            work = access.carried(work)
            job = Job(name, work, cost, wanting, next(self._ticks), title, public, _lane=self)
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
                # played through as `_start` will do it: whoever had a turn goes behind the others
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
                rested = False
                while (job := self._start()) is None:
                    if self._closing:
                        return
                    if not self.changed.wait(None if rested else RESTS):
                        release()
                        release_cache(torch.device(self.device))
                        rested = True
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


def turn(served: dict[str, int]) -> Callable[[Job[object]], tuple[int, bool, int, int]]:
    """The order of the queue.

    The shortest kind goes first, then what somebody looks at, then who was served longest ago, then
    who came first.
    """

    def key(job: Job[object]) -> tuple[int, bool, int, int]:
        last = min((served.get(visitor, -1) for visitor in job.visitors - {HOUSE}), default=-1)
        return RANK[job.cost], job.is_behind, last, job.order

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
