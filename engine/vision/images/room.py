"""How much memory a request to a reader may take: a file that takes more says so, unread."""

from contextvars import ContextVar
from math import inf

room: ContextVar[float] = ContextVar("room", default=inf)  # bytes; no limit outside of a reader


class NeedsMemory(MemoryError):
    """A file that takes more memory than its request has room for.

    Args:
        needs: bytes while it is decoded.
        keeps: bytes of what it becomes.
    """

    def __init__(self, needs: int, keeps: int) -> None:
        super().__init__(needs, keeps)
        self.needs, self.keeps = needs, keeps


def require_room(needs: int, keeps: int) -> None:
    """Go on only where there is room for what a file takes, by its header. Raises NeedsMemory."""
    if needs > room.get():
        raise NeedsMemory(int(needs), int(keeps))
