"""Mutants that once went unnoticed, each with the test that is red for it now."""

import ast
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BOOK = Path(__file__).parent / "pinned.toml"


@dataclass(frozen=True)
class Pin:
    """Text of a file that stands there once, what a mutant has in its place, and the test."""

    file: str
    old: str
    new: str
    by: str

    def tree(self, source: str) -> ast.Module:
        """The wrong file."""
        return ast.parse(source.replace(self.old, self.new))


@cache
def pins() -> tuple[Pin, ...]:
    """All of them."""
    document = tomllib.loads(BOOK.read_text(encoding="utf-8"))
    return tuple(Pin(**entry) for entry in document["pin"])
