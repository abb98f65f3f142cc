"""What is known of a file that means harm."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Hostile(NamedTuple):
    """A file and the words that its refusal must have."""

    name: str
    make: Callable[[], bytes]
    says: str
