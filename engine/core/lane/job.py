"""A job: one question on its way, who wants it, and what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Generic, Literal, Protocol, TypeVar

from engine.core.errors import BlindspotError, Cancelled
from engine.core.method import Cost, Progress
from engine.core.result import Result

T = TypeVar("T")
HOUSE = "house"  # the visitor who never closes the page

End = Literal["done", "failed", "stopped"]


@dataclass(frozen=True)
class Past:
    """A job that is over; nothing it worked on is held."""

    name: str
    title: str
    public: str  # what those who did not ask may read of it
    asked: frozenset[str]  # visitors
    end: End
    why: str  # of a failure, or how far a stopped one had come
    seconds: float
    when: datetime


class Keeper(Protocol):
    """What a job knows of the lane that it waits in."""

    changed: threading.Condition  # guards who wants which job

    def drop(self, job: Job[Any]) -> None:
        """The job is over. Caller holds the lock."""


@dataclass(eq=False)
class Job(Generic[T]):
    """One question on its way, shared by everyone who asked it."""

    name: str
    work: Callable[[Progress], T]
    cost: Cost
    visitors: set[str]
    order: int
    title: str = ""
    public: str = ""  # the title for those who did not ask: no word that a visitor gave
    done: float = 0.0
    words: str = "waiting"
    partial: Result | None = None
    started: float | None = None  # monotonic seconds
    asked: set[str] = field(default_factory=set)  # all visitors who ever wanted it
    behind: set[str] = field(default_factory=set)  # visitors who look at something else by now
    _lane: Keeper | None = None
    _finished: threading.Event = field(default_factory=threading.Event)
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _value: T | None = None
    _error: BaseException | None = None

    def __post_init__(self) -> None:
        self.asked |= self.visitors

    def join(self, visitor: str) -> None:
        """It is wanted by one more, or again by one who stepped back."""
        with self._guarded():
            self.visitors.add(visitor)
            self.asked.add(visitor)
            self.behind.discard(visitor)

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
        with self._guarded():  # nobody joins meanwhile, and the lane does not start it
            over = self.finished  # then the lane drops it
            self._leave(visitor)
            if self.finished and not over and self._lane is not None:
                self._lane.drop(self)

    def _guarded(self) -> AbstractContextManager[Any]:
        return nullcontext() if self._lane is None else self._lane.changed

    def step_back(self, visitor: str) -> None:
        """Still wanted, but this visitor waits for something else first, until they `join` again.

        It goes behind others of its kind once all of its visitors have stepped back. A training is
        meant to go on when nobody looks, so it keeps its place.
        """
        with self._guarded():
            if visitor in self.visitors and self.cost != "job":
                self.behind.add(visitor)

    @property
    def is_behind(self) -> bool:
        """Whether nobody who wants it looks at it."""
        return self.visitors <= self.behind

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
            else reason(self._error)
        )
        seconds = 0.0 if self.started is None else monotonic() - self.started
        visitors = frozenset(self.asked)
        return Past(
            self.name, self.title, self.public, visitors, end, why, seconds, datetime.now(UTC)
        )

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


def reason(error: BaseException | None) -> str:
    """The reason, where it is meant for a person."""
    return str(error) if isinstance(error, BlindspotError) else "something went wrong; see the log"
