"""What was made before, kept by name while there is room for it."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

KeptT = TypeVar("KeptT")


@dataclass
class InFlight:
    """One making at a time, and how many make it or wait for it."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    wanted: int = 0


class Memory(Generic[KeptT]):
    """Things by name, up to a total size: those used longest ago go first, the newest stays.

    Threads may share it.

    Args:
        room: The total size, in the unit of `size`.
        size: How large one thing is; left out, `room` is how many there may be.
        grows: Whether that may change while it is kept: then all are measured at each `put`.
    """

    def __init__(
        self, room: int, size: Callable[[KeptT], int] = lambda _: 1, *, grows: bool = False
    ) -> None:
        self.room = room
        self._size = size
        self._grows = grows
        self._kept: OrderedDict[str, KeptT] = OrderedDict()
        self._sizes: dict[str, int] = {}  # of what is kept
        self._held = 0  # their sum
        self._making: dict[str, InFlight] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> KeptT | None:
        """What is kept under this name, or None."""
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
            return self._kept.get(name)

    def put(self, name: str, content: KeptT) -> None:
        """Keep a thing, in place of one of the same name, and let go of what is too much."""
        size = self._size(content)
        with self._lock:
            self._let_go(name)
            if self._grows:
                self._sizes = {key: self._size(stored) for key, stored in self._kept.items()}
                self._held = sum(self._sizes.values())
            self._kept[name], self._sizes[name] = content, size
            self._held += size
            while self._held > self.room and len(self._kept) > 1:
                self._let_go(next(iter(self._kept)))

    def _let_go(self, name: str) -> None:
        """Hold no longer what has this name, if there is anything. Caller holds the lock."""
        self._kept.pop(name, None)
        self._held -= self._sizes.pop(name, 0)

    def made(self, name: str, make: Callable[[], KeptT]) -> KeptT:
        """What is kept under this name, else made now: two who ask at once wait for one making.

        Who asks for another name does not wait. What `make` raises is passed on, and nothing kept.
        """
        if (stored := self.get(name)) is not None:
            return stored
        with self._lock:
            making = self._making.setdefault(name, InFlight())
            making.wanted += 1
        try:
            with making.turn:
                # asked again: another thread may have made it while this one waited for its turn
                if (stored := self.get(name)) is None:
                    stored = make()
                    self.put(name, stored)
        finally:
            with self._lock:
                making.wanted -= 1
                if not making.wanted:
                    del self._making[name]
        return stored

    def drop(self, name: str) -> None:
        """Let go of what is kept under this name, if there is anything."""
        with self._lock:
            self._let_go(name)

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._kept.clear()
            self._sizes.clear()
            self._held = 0

    def names(self) -> list[str]:
        """What is kept, the one used longest ago first."""
        with self._lock:
            return list(self._kept)
