"""Which tests `make test` leaves to `make test-all`, because they take long.

thorough.txt names files and tests. It is written from a run of all tests, with
`make test-all ARGS="--durations=0 --durations-min=0.1" | tee LOG; python -m tests.thorough LOG`.
A test that it does not name, such as a new one, is in both.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from engine.commands.families import METHODS

ROOT = Path(__file__).parent.parent
LIST = Path(__file__).with_name("thorough.txt")
LONG = 0.7  # seconds from which a test is left out
LONG_PROOF = 3.5  # of a method's named proof
FILES = (  # left out whole
    "tests/browser",
    "tests/fake_gate/test_gate.py",
    "tests/links",
    "tests/mutants",
    "tests/test_contract_answers.py",
    "tests/engine/commands/test_every_method_run.py",
)
DURATION = re.compile(r"\s*([\d.]+)s (?:setup|call|teardown)\s+(\S+::.*\S)")


def left_out() -> frozenset[str]:
    return frozenset(LIST.read_text(encoding="utf-8").splitlines())


def mark(items: Iterable[pytest.Item]) -> None:
    names = left_out()
    files = [f"{name}/" for name in names if "::" not in name]
    for item in items:
        test_path = item.nodeid.split("::")[0] + "/"
        if item.nodeid in names or any(test_path.startswith(file) for file in files):
            item.add_marker("thorough")


def seconds(log: Iterable[str]) -> dict[str, float]:
    """Seconds of each test with its fixtures, from what pytest printed."""
    total: dict[str, float] = defaultdict(float)
    for match in filter(None, map(DURATION.match, log)):
        total[match[2]] += float(match[1])
    return total


def chosen(total: Mapping[str, float]) -> list[str]:
    """The files, and other tests that took long."""
    proofs = {kind.proof for kind in METHODS}
    tests = [
        test
        for test, spent in total.items()
        if not test.startswith(FILES)
        and spent >= (LONG_PROOF if {test, test.split("[")[0]} & proofs else LONG)
    ]
    return [*FILES, *sorted(tests)]


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as log:  # noqa: PTH123 - a path that a person gave
        names = chosen(seconds(log))
    LIST.write_text("\n".join(names) + "\n", encoding="utf-8")
