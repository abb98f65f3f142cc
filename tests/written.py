"""Where `engine run … --out OUT` writes: each answer has a folder of its own below OUT."""

from __future__ import annotations

from pathlib import Path


def answer_folder(out: Path) -> Path:
    """The folder of the only answer below it."""
    (result,) = out.glob("*/result.json")
    return result.parent
