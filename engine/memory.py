"""What was made before, kept by name while there is room for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

KeptT = TypeVar("KeptT")


class Memory(Generic[KeptT]):
    """Things by name, up to a total size: those used longest ago go first, the newest stays.

    Threads may share it.

    Args:
        room: The total size, in the unit of `size`.
        size: How large one thing is; left out, `room` is how many there may be.
    """

    def __init__(self, room: int, size: Callable[[KeptT], int] = lambda _: 1) -> None:
        self.room = room
        self._size = size
        self._kept: OrderedDict[str, KeptT] = OrderedDict()
        self._making: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> KeptT | None:
        """What is kept under this name, or None."""
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
            return self._kept.get(name)

    def put(self, name: str, thing: KeptT) -> None:
        """Keep a thing, in place of one of the same name, and let go of what is too much."""
        with self._lock:
            self._kept[name] = thing
            self._kept.move_to_end(name)
            held = sum(map(self._size, self._kept.values()))
            while held > self.room and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                held -= self._size(oldest)

    def made(self, name: str, make: Callable[[], KeptT]) -> KeptT:
        """What is kept under this name, else made now: two who ask at once wait for one making.

        Who asks for another name does not wait. What `make` raises is passed on, and nothing kept.
        """
        if (thing := self.get(name)) is not None:
            return thing
        with self._lock:
            making = self._making.setdefault(name, threading.Lock())
        try:
            with making:
                if (thing := self.get(name)) is None:
                    thing = make()
                    self.put(name, thing)
        finally:
            with self._lock:
                self._making.pop(name, None)
        return thing

    def drop(self, name: str) -> None:
        """Let go of what is kept under this name, if there is anything."""
        with self._lock:
            self._kept.pop(name, None)

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._kept.clear()

    def names(self) -> list[str]:
        """What is kept, the one used longest ago first."""
        with self._lock:
            return list(self._kept)
