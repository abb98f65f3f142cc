"""How much memory a request may take in a reader: what takes more is asked for before it is read."""

from __future__ import annotations

from math import inf

_room: float = inf  # bytes; there is no limit in a process that is no reader


class NeedsMemory(MemoryError):
    """A file that takes more memory than its request has room for.

    Args:
        needs: bytes while it is decoded.
        keeps: bytes of what it becomes.
    """

    def __init__(self, needs: int, keeps: int) -> None:
        super().__init__(needs, keeps)
        self.needs, self.keeps = needs, keeps


def give_room(nbytes: float) -> None:
    """From now on a request has so many bytes."""
    global _room
    _room = nbytes


def claim(needs: int, keeps: int) -> None:
    """Go on only where there is room for what a file takes, by its header. Raises NeedsMemory."""
    if needs > _room:
        raise NeedsMemory(int(needs), int(keeps))
