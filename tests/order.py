"""In which order test files are run, so that three workers use two cores all the time."""

from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent
GATE = FOLDER / "fake_gate"  # computes beside the tests that wait for it
BROWSER = FOLDER / "browser"  # waits for pages as often as it computes
LONG = ("test_contract_answers.py", "test_contract.py", "pages")  # of what computes


def in_turn(paths: Sequence[Path]) -> dict[Path, float]:
    """The place of each file, from 0 to 1.

    The gate comes first. Files that wait for a browser are spread evenly over the others, so that
    workers side by side seldom both wait; of the others the long ones come first, so that workers
    end together.
    """
    files = list(dict.fromkeys(paths))
    gate = [path for path in files if GATE in path.parents]
    waiting = [path for path in files if BROWSER in path.parents]
    others = sorted({*files} - {*gate, *waiting}, key=lambda path: (rank(path), files.index(path)))
    places = dict.fromkeys(gate, 0.0)
    for group in (waiting, others):
        places |= {path: (at + 0.5) / len(group) for at, path in enumerate(group)}
    return places


def rank(path: Path) -> int:
    """Where a file stands among the long ones; all others are behind them."""
    part = path.relative_to(FOLDER).parts[0] if FOLDER in path.parents else ""
    return LONG.index(part) if part in LONG else len(LONG)
