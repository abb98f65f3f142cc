"""How much memory opened files may take, for each visitor and for the whole server.

Bytes are booked before they are allocated, from what a file's header says, and given back when
the arrays that they were booked for are gone. What a reader process needs only while it decodes
comes from the same total: a reader waits until it is there. Outside of the app nobody visits, and
nothing but that need is counted.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadData

TOTAL_MB = "BLINDSPOT_OPEN_MB"  # the environment's word for the total, on a larger machine
TOTAL = int(os.environ.get(TOTAL_MB) or 800) * 1_000_000  # bytes: opened files and readers
OPENED_BYTES = TOTAL * 3 // 4  # of them for opened files of all visitors: 600 MB
VISITOR_BYTES = TOTAL * 7 // 10  # for those of one: 560 MB, so the largest file of weights fits
WAIT_SECONDS = 60.0  # until memory for decoding is free

current_visitor: ContextVar[str] = ContextVar("current_visitor", default="")


class OverBudget(BadData):
    """A file that would take more memory than there is for it."""


class Booking:
    """Bytes that are booked for a visitor until `free`, or until what they were booked for is gone.

    Args:
        budget: that they are booked in.
        visitor: who opened the file; "" where nobody visits.
        nbytes: how many.
    """

    def __init__(self, budget: MemoryBudget, visitor: str, nbytes: int) -> None:
        self.budget, self.visitor, self.nbytes = budget, visitor, nbytes

    def resize(self, nbytes: int) -> None:
        """Book another number: what a file became may be less than its header said."""
        self.budget.change(self.visitor, nbytes - self.nbytes)
        self.nbytes = nbytes

    def free(self) -> None:
        """Give them back; a second time does nothing."""
        self.resize(0)

    def __enter__(self) -> Booking:
        return self

    def __exit__(self, *_: object) -> None:
        """Free what was not handed over."""
        self.free()

    def hand_over(self, arrays: Iterable[NDArray[Any]]) -> None:
        """Book what each of some arrays holds until it is gone, in place of these bytes."""
        # by owner, each once: views share memory, and live as long as any of them
        for array in {id(owner): owner for owner in map(owner_of, arrays)}.values():
            booking = Booking(self.budget, self.visitor, 0)
            booking.resize(array.nbytes)
            booking.until_gone(array)
        self.free()

    def until_gone(self, owner: object) -> None:
        """Give them back when `owner` is collected: an array that owns its memory, or a model."""
        weakref.finalize(owner, self.free).atexit = False


class MemoryBudget:
    """Bytes of opened files by visitor, and of what readers need for a while. Threads share it.

    Args:
        total: bytes of all of it.
        kept: of the opened files of all visitors.
        each: of those of one visitor.
    """

    def __init__(
        self, total: int = TOTAL, kept: int = OPENED_BYTES, each: int = VISITOR_BYTES
    ) -> None:
        self.total, self.kept, self.each = total, kept, each
        self.booked: Counter[str] = Counter()  # bytes by visitor
        self.passing = 0  # bytes that readers need for a while
        self._changed = threading.Condition(threading.RLock())  # finalizers may run within

    def book(self, visitor: str, nbytes: int, called: str = "This file") -> Booking:
        """Bytes for what a visitor opens; waited for while readers have them.

        Raises:
            OverBudget: it is too much, or others decode for too long.
        """

        def fits() -> bool:
            self.check(visitor, nbytes, called)
            return self.passing + self.booked.total() + nbytes <= self.total

        with self._changed:
            if visitor and nbytes:
                self.wait_until(fits, called)
            self.change(visitor, nbytes)
        return Booking(self, visitor, nbytes)

    def check(self, visitor: str, nbytes: int, called: str) -> None:
        """Raise OverBudget where so many more bytes are too many."""
        takes = f"{called} takes {megabytes(nbytes)} of memory once it is opened"
        mine, everyone = self.booked[visitor], self.booked.total()
        if nbytes + mine > self.each:
            raise OverBudget(
                f"{takes}. You have {megabytes(mine)} open, and a visitor may have "
                f"{megabytes(self.each)}: give a smaller file, or reload the page, which closes "
                "what you have open within three minutes."
            )
        if nbytes + everyone > self.kept:
            raise OverBudget(
                f"{takes}. The visitors of this server have {megabytes(everyone)} open, and "
                f"together they may have {megabytes(self.kept)}: try again in a few minutes, give "
                "a smaller file, or run Blindspot on a computer of your own."
            )

    def change(self, visitor: str, nbytes: int) -> None:
        """Count so many bytes more, or fewer, for a visitor."""
        if not visitor:
            return
        with self._changed:
            self.booked[visitor] += nbytes
            if self.booked[visitor] <= 0:
                del self.booked[visitor]
            self._changed.notify_all()

    def wait_until(self, fits: Callable[[], bool], called: str) -> None:
        """Wait while readers have what a file takes. Caller holds the lock. Raises OverBudget."""
        if not self._changed.wait_for(fits, WAIT_SECONDS):
            raise OverBudget(
                f"{called} was not decoded within {WAIT_SECONDS:.0f} seconds, since this server "
                "decodes other large files: try again in a minute."
            )

    @contextmanager
    def decoding(self, nbytes: int, called: str = "This file") -> Iterator[None]:
        """So many bytes for a reader while it decodes; waited for while others have them.

        Raises:
            OverBudget: opened files leave too little, or others decode for too long.
        """

        def fits() -> bool:
            left = self.total - self.booked.total()
            if nbytes > left:
                raise OverBudget(
                    f"{called} needs {megabytes(nbytes)} of memory to be decoded, and opened "
                    f"files leave {megabytes(left)} on this server: save it smaller, or try "
                    "again in a few minutes."
                )
            return self.passing + nbytes <= left

        with self._changed:
            self.wait_until(fits, called)
            self.passing += nbytes
        try:
            yield
        finally:
            with self._changed:
                self.passing -= nbytes
                self._changed.notify_all()


BUDGET = MemoryBudget()


def book(nbytes: int, called: str = "This file") -> Booking:
    """Bytes for whoever visits now. Raises OverBudget."""
    return BUDGET.book(current_visitor.get(), nbytes, called)


@contextmanager
def visited_by(visitor: str) -> Iterator[None]:
    """Whatever is opened within is booked for this visitor."""
    before = current_visitor.set(visitor)
    try:
        yield
    finally:
        current_visitor.reset(before)


def owner_of(array: NDArray[Any]) -> NDArray[Any]:
    """The array whose memory it is: itself, or what it is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def megabytes(nbytes: int) -> str:
    """So many bytes as a person reads them."""
    return f"{nbytes / 1e6:,.0f} MB"
