"""Run named proofs with fake answers: python -m tests.fake_gate [--fake random] [--all] [NAME …].

Prints a line of JSON for each method: its proof, and what became of it with each fake. With --all,
slow proofs are run too, and each proof as it is as well; in `make test-all` it is a test like
others.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a fork keeps one thread; read before torch starts

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import pytest

from engine.commands.families import METHODS
from engine.core import run
from engine.core.method import Case, Method, quiet
from engine.unlearning import SAUCE, Retrain
from engine.unlearning.sauce.dictionary import question
from engine.vision.language.tiny_vlm.weights import HONEST, load
from tests import homes
from tests.engine.unlearning import trained
from tests.fake_gate import forking
from tests.fake_gate.fakes import FAKES, put_in

LIMIT = 280.0  # seconds of the clock that one proof may take, on a busy machine too
QUIET = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no")


class Gate:
    """A plugin that runs each method's proof in forks instead of the tests once each."""

    def __init__(
        self,
        kinds: Sequence[type[Method[Any]]],
        fakes: Sequence[str],
        to: TextIO,
        home: Path,
        *,
        whole: bool,
    ) -> None:
        self.kinds, self.fakes, self.to, self.home, self.whole = kinds, fakes, to, home, whole

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Every method with each fake."""
        if any(kind.family == "unlearning" for kind in self.kinds):
            for method, case in shared_questions():  # once for all forks
                keep(method, case, self.home / method.name)
        for kind in self.kinds:
            items = [item for item in session.items if proves(item, kind)]
            print(json.dumps(self.row(kind, items)), file=self.to, flush=True)
        return True

    def row(self, kind: type[Method[Any]], items: Sequence[pytest.Item]) -> dict[str, Any]:
        """What became of one method's proof; without outcomes where it is too slow to be run."""
        slow = any(item.get_closest_marker("slow") for item in items)
        row: dict[str, Any] = {"method": kind.full_name(), "proof": kind.proof}
        row |= {"tests": len(items), "slow": slow}
        if not items or (slow and not self.whole):
            return row
        if self.whole:
            row["as it is"] = asdict(forking.run(items, tuple, LIMIT))
        for name in self.fakes:
            row[name] = asdict(forking.run(items, partial(self.fake, kind, name), LIMIT))
        return row

    def fake(self, kind: type[Method[Any]], name: str) -> list[type]:
        """In a fork: fake answers of a method, and kept ones of another that many proofs ask."""
        names = [method.name for method, _ in shared_questions() if type(method) is not kind]
        homes.answers += [self.home / shared / "answers" for shared in names]
        return put_in(pytest.MonkeyPatch(), kind, FAKES[name])


def proves(item: pytest.Item, kind: type[Method[Any]]) -> bool:
    """Whether the test, or this one of its parameters, is the method's proof."""
    return kind.proof in {item.nodeid, item.nodeid.split("[")[0]}


def shared_questions() -> tuple[tuple[Method[Any], Case], ...]:
    """The retrained model and the dictionary of features that most proofs of unlearning ask for."""
    sauce = SAUCE()
    return (Retrain(), trained.class_case()), question(load(HONEST), sauce, sauce.scenes)


def keep(method: Method[Any], case: Case, home: Path) -> None:
    """Keep an answer in a home.

    No lane takes part: its thread would be missing in forks. Nor is the store kept open, as theirs
    is in homes of their own.

    Raises:
        RuntimeError: another method has a part in it, whose fakes it would not show.
    """

    def refused(self: Method[Any], *_given: Any, **_more: Any) -> None:
        raise RuntimeError(f"{self.full_name()} has a part in what is kept for all forks")

    run.store.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BLINDSPOT_HOME", str(home))
        for kind in METHODS:
            if kind is not type(method):
                patch.setattr(kind, "__call__", refused)
        run.compute(run.digest(method, case), method, case, quiet)
    run.store.cache_clear()


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fake_gate")
    parser.add_argument("names", nargs="*", help="families or methods; all by default")
    parser.add_argument("--fake", action="append", choices=FAKES, help="random by default")
    parser.add_argument("--all", action="store_true", help="slow proofs too, and all as they are")
    parsed = parser.parse_args(arguments)
    named = set(parsed.names)
    kinds = [kind for kind in METHODS if not named or {kind.family, kind.full_name()} & named]
    proofs = sorted({kind.proof.split("::")[0] for kind in kinds})
    to = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what pytest says, it says beside
    with tempfile.TemporaryDirectory() as folder:
        gate = Gate(kinds, parsed.fake or ["random"], to, Path(folder, "home"), whole=parsed.all)
        options = [*QUIET, "--basetemp", str(Path(folder, "tests"))]
        status = pytest.main([*proofs, *options], plugins=[gate])
    return 0 if status in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED} else int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
