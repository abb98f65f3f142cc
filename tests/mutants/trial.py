"""One family's tests, collected once, and then run in a child for each mutant."""

from __future__ import annotations

import ast
import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from _pytest.main import pytest_runtestloop

from tests.mutants.families import ROOT
from tests.mutants.forks import forked
from tests.mutants.here import read_here
from tests.mutants.mutant import Mutant, grown
from tests.mutants.pins import Pin
from tests.mutants.reach import Place, Reach, caches
from tests.mutants.swap import loaded, swap

WALL = 900.0  # seconds a mutant may take in all; for those that wait for ever
BASE = 7200.0  # the same for the unchanged code
FEW = 0.05  # of a family's tests: if more are red without a mutant, nothing is measured
SPARE = 10.0  # seconds of processor on top of five times what the tests need


@dataclass
class Change:
    """A wrong file, and the function that is looked for among those that tests reach."""

    label: str
    file: str
    function: str
    tree: Callable[[str], ast.Module]
    by: str = ""  # the one test that must notice it; "" for any

    @classmethod
    def of(cls, mutant: Mutant) -> Change:
        """A mutant's."""
        return cls(mutant.shown, mutant.file, mutant.function, lambda source: grown(source, mutant))

    @classmethod
    def pinned(cls, pin: Pin) -> Change:
        """A pin's."""
        return cls(f"{pin.file}: {pin.old} => {pin.new}", pin.file, "", pin.tree, pin.by)


@dataclass
class Verdict:
    """What became of one change."""

    label: str
    verdict: str  # killed, survived, not reached, broke off (crashed, or never ended)
    by: str = ""
    tests: int = 0

    @property
    def noticed(self) -> bool:
        """Whether it did not pass."""
        return self.verdict in {"killed", "broke off"}


class First:
    """Stops at the first red test."""

    def __init__(self, session: pytest.Session) -> None:
        self.session, self.red = session, ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember it."""
        if report.failed and not self.red:
            self.red = report.nodeid
            self.session.shouldfail = "a mutant was noticed"


@dataclass
class Trial:
    """The plugin that takes the place of pytest's loop."""

    changes: list[Change]
    log: Path
    patience: float  # seconds of tests that a survivor is shown
    verdicts: list[Verdict] = field(default_factory=list)
    reach: dict[str, Any] = field(default_factory=dict)
    functions: dict[str, list[FunctionType]] = field(default_factory=dict)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Measure once, then try each change."""
        gc.unfreeze()  # functions and caches are looked for among what the collector knows
        files = frozenset(str(ROOT / change.file) for change in self.changes)
        for change in self.changes:  # some are imported only where they are used
            import_module(change.file.removesuffix(".py").replace("/", "."))
        self.functions = loaded(files)
        if empty := sorted(path for path, functions in self.functions.items() if not functions):
            raise pytest.UsageError(f"no function is found of {', '.join(empty)}")
        read_here()
        result = forked(lambda: self.measured(session, files), BASE, BASE, self.log)
        if result is None:
            raise pytest.UsageError("the tests do not run through without a mutant")
        if len(result["failed"]) > FEW * len(session.items):
            red = f"{len(result['failed'])} tests, such as {result['failed'][0]}"
            raise pytest.UsageError(f"{red}, are red without a mutant")
        self.reach = result
        if not any(result["items"].values()) and not any(result["files"].values()):
            raise pytest.UsageError("no test reaches any function of the changed files")
        self.verdicts += [self.tried(session, change) for change in self.changes]
        return True

    def measured(self, session: pytest.Session, files: frozenset[str]) -> dict[str, Any]:
        """What each test reaches and takes."""
        watch = Reach(files)
        session.config.pluginmanager.register(watch)
        session.config.option.maxfail = 0
        pytest_runtestloop(session)
        return {
            "items": {name: sorted(result) for name, result in watch.by_item.items()},
            "files": {name: sorted(result) for name, result in watch.by_file.items()},
            "seconds": watch.seconds,
            "failed": sorted(watch.failed),
        }

    def tried(self, session: pytest.Session, change: Change) -> Verdict:
        """Whether a test turns red."""
        chosen = self.chosen(session, change)
        if not chosen:
            return Verdict(change.label, "not reached")
        needed = sum(self.reach["seconds"][item.nodeid] for item in chosen)
        outcome = forked(
            lambda: self.run(session, change, chosen),
            5 * needed + SPARE,
            WALL + 5 * needed,
            self.log,
        )
        if outcome is None:
            return Verdict(change.label, "broke off", tests=len(chosen))
        red, swapped = outcome
        if not swapped:
            return Verdict(change.label, "not reached")
        return Verdict(change.label, "killed" if red else "survived", red, len(chosen))

    def run(self, session: pytest.Session, change: Change, chosen: list[pytest.Item]) -> list[Any]:
        """In the child: put the change in and run what reaches it."""
        path = str(ROOT / change.file)
        source = Path(path).read_text(encoding="utf-8")
        swapped = swap(path, source, change.tree(source), self.functions[path])
        for cache in caches():  # what was computed while tests were collected
            cache.cache_clear()
        first = First(session)
        session.config.pluginmanager.register(first)
        session.items[:] = chosen
        try:
            if swapped:
                pytest_runtestloop(session)
        except (session.Failed, session.Interrupted):
            first.red = first.red or "stopped"
        return [first.red, swapped]

    def chosen(self, session: pytest.Session, change: Change) -> list[pytest.Item]:
        """The pinned test; else files that reach the function, the quickest first.

        No more of them than patience has seconds for. What is red without any mutant is left out.
        """
        green = [item for item in session.items if item.nodeid not in self.reach["failed"]]
        if change.by:
            return [item for item in green if item.nodeid.split("[")[0] == change.by]
        place = (str(ROOT / change.file), change.function)
        groups: dict[str, list[pytest.Item]] = {}
        for item in green:
            if self.reaches(item, place):
                groups.setdefault(str(item.path), []).append(item)
        seconds = self.reach["seconds"]
        ranked = sorted(groups.values(), key=lambda items: sum(seconds[i.nodeid] for i in items))
        chosen, spent = [], 0.0
        for item in (item for items in ranked for item in items):
            if not chosen or spent + seconds[item.nodeid] <= self.patience:
                chosen.append(item)
                spent += seconds[item.nodeid]
        return chosen

    def reaches(self, item: pytest.Item, place: Place) -> bool:
        """Whether a test, or a fixture of its file, calls the function or one inside it."""
        met = self.reach["items"].get(item.nodeid, []) + self.reach["files"].get(str(item.path), [])
        return any(file == place[0] and name == place[1] for file, name in met)
