"""How many forward passes a question took, and at which pace they ran."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol


class Pace(Protocol):
    """What the record says of a pace."""

    @property
    def use(self) -> str:
        """What it was found for."""

    @property
    def batch(self) -> int:
        """Images at a time."""

    @property
    def channels_last(self) -> bool:
        """Whether pixels lie together by place."""


@dataclass
class ForwardTally:
    """Forward passes of one question, by the pace at which they ran."""

    asked: dict[Pace, int] = field(default_factory=dict)
    by_package: dict[Pace, int] = field(default_factory=dict)

    def note(self, pace: Pace, count: int, *, compiled: bool = False) -> None:
        """Count so many images."""
        self.asked[pace] = self.asked.get(pace, 0) + count
        if compiled:
            self.by_package[pace] = self.by_package.get(pace, 0) + count

    @property
    def compiled(self) -> int:
        return sum(self.by_package.values())

    def facts(self) -> dict[str, Any]:
        """For the record: on which configuration the numbers were made."""
        return {
            "compiled_forwards": self.compiled,
            "forwards": [
                {
                    "use": pace.use,
                    "images": count,
                    "batch": pace.batch,
                    "memory_format": "channels_last" if pace.channels_last else "contiguous",
                    "compiled_share": round(self.by_package.get(pace, 0) / max(count, 1), 4),
                }
                for pace, count in self.asked.items()
            ],
        }


_tally: ContextVar[ForwardTally | None] = ContextVar("tally", default=None)


def count_images(pace: Pace, count: int, *, compiled: bool = False) -> None:
    """Count images for the question that this thread answers, if it answers one."""
    if tally := _tally.get():
        tally.note(pace, count, compiled=compiled)


@contextmanager
def counting() -> Iterator[ForwardTally]:
    """Count the forward passes that this thread makes."""
    token = _tally.set(tally := ForwardTally())
    try:
        yield tally
    finally:
        _tally.reset(token)
