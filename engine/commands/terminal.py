"""What commands write: lines of the answer, a line for what was wrong, and progress."""

import sys
from argparse import ArgumentParser
from typing import NoReturn

WRONG = 2  # exit status of bad arguments and unreadable input


class Parser(ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the line and leave."""
        self.exit(WRONG, f"{self.prog}: {' '.join(message.split())}\n")


def wrong(words: str) -> int:
    """One line on stderr."""
    sys.stderr.write(f"python -m engine: {' '.join(words.split())}\n")
    return WRONG


def say(words: str) -> None:
    """A line of the answer."""
    sys.stdout.write(f"{words}\n")


def progress(done: float, words: str = "", partial: object = None) -> None:  # noqa: ARG001
    """A line that is written over, where somebody watches."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{done:4.0%} {words}")
        sys.stderr.flush()


def clear_line() -> None:
    """Remove the line of progress."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
