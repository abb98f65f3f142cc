"""Who may look at a private thing by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def everybody(_private: Any) -> bool:
    """The rule of the command line: whoever works on the machine itself may look at all of it."""
    return True


@dataclass
class Access:
    """The rule that is asked whenever something private is listed or opened by its name.

    The app sets one that knows its sessions. The thread of a job belongs to no session and is not
    asked: whoever began the job had what it computes with.
    """

    rule: Callable[[Any], bool] = everybody
