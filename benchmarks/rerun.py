"""What a rerun of each view costs when all of its answers are kept, beside an earlier commit.

Python calls are counted exactly; CPU milliseconds are those of the thread that draws the page, the
least of several reruns, so that a busy computer changes little. Two processes, one for each commit,
measure every view in turn.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, cast

from benchmarks.table import BenchmarkRow, number
from tests.browser.server import ROOT

BEFORE = "56249e6^"  # the last commit before views were sections
MOST = 400  # thousand calls of a rerun

# Runs in a checkout: prints titles, then the figures of each view whose title it reads.
MEASURE = """
import cProfile, json, pstats, sys, time
import engine
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.local_script_runner import LocalScriptRunner
from components.views import ROOT, VIEWS

plain, spent, counted = LocalScriptRunner._run_script, [], []

def run_script(self, *given):
    began = time.thread_time()
    plain(self, *given)
    spent.append(1000 * (time.thread_time() - began))

def profiled(self, *given):
    profile = cProfile.Profile()
    profile.runcall(plain, self, *given)
    counted.append(pstats.Stats(profile).total_calls)

def measure(view):
    at = AppTest.from_file(ROOT / "components" / "frame.py", default_timeout=600)
    at.run()
    at.switch_page(str(view.path))
    at.run()
    while at.main.get("progress") or at.sidebar.get("progress"):
        time.sleep(0.5)
        at.run()
    at.run()
    spent.clear(), counted.clear()
    for _ in range(5):
        at.run()
    LocalScriptRunner._run_script = profiled
    at.run()
    LocalScriptRunner._run_script = run_script
    return [min(counted), min(spent)]

LocalScriptRunner._run_script = run_script
views = {f"{view.menu}: {view.title}": view for view in VIEWS}
print(json.dumps(list(views)), flush=True)
for line in sys.stdin:
    print(json.dumps(measure(views[json.loads(line)])), flush=True)
"""


@dataclass(frozen=True)
class RerunCost:
    """Of one rerun."""

    calls: int
    milliseconds: float  # of the CPU


@dataclass
class Checkout:
    """A process that measures the views of one commit.

    Args:
        ask: where a title is written.
        hear: where its figures are read.
        titles: of its views.
    """

    ask: IO[str]
    hear: IO[str]
    titles: list[str]

    def cost(self, title: str) -> RerunCost:
        """Of a rerun of a view."""
        self.ask.write(json.dumps(title) + "\n")
        self.ask.flush()
        return RerunCost(*json.loads(self.hear.readline()))


@contextmanager
def checkout(folder: Path) -> Iterator[Checkout]:
    """A process that imports the code of a folder and keeps its answers in a store of its own."""
    with TemporaryDirectory(prefix="blindspot-rerun-", ignore_cleanup_errors=True) as home:
        process = subprocess.Popen(
            [sys.executable, "-c", MEASURE],
            cwd=folder,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "BLINDSPOT_HOME": home, "PYTHONPATH": str(folder)},
        )
        ask, hear = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
        try:
            yield Checkout(ask, hear, json.loads(hear.readline()))
        finally:
            process.kill()
            process.wait()


@contextmanager
def earlier(revision: str) -> Iterator[Path | None]:
    """A folder with the files of an earlier commit; None where it is not in this repository."""
    with TemporaryDirectory(prefix="blindspot-before-") as folder:
        process = subprocess.run(
            ["git", "worktree", "add", "--quiet", "--detach", folder, revision],
            cwd=ROOT,
            check=False,
            capture_output=True,
        )
        try:
            yield None if process.returncode else Path(folder)
        finally:
            subprocess.run(
                ["git", "worktree", "remove", "--force", folder],
                cwd=ROOT,
                check=False,
                capture_output=True,
            )


def rows(rounds: int, revision: str = BEFORE) -> Iterator[BenchmarkRow]:
    """Of each view: calls, and CPU before ÷ now; now alone where there was no such view.

    A view is measured several times within each process, however many `rounds` there are.
    """
    del rounds
    with ExitStack() as stack:
        folder = stack.enter_context(earlier(revision))
        now = stack.enter_context(checkout(ROOT))
        before = stack.enter_context(checkout(folder)) if folder else None
        for title in now.titles:
            baseline = before if before and title in before.titles else None
            yield from costs(title, now.cost(title), baseline.cost(title) if baseline else None)


def costs(title: str, now: RerunCost, before: RerunCost | None) -> Iterator[BenchmarkRow]:
    """The figures of a view, and how much less they are than before."""
    name, ms = f"Rerun with kept answers, {title}", f"{number(now.milliseconds)} ms of the CPU"
    yield BenchmarkRow.exact(f"{name}: calls", now.calls / 1000, "thousand", most=MOST, note=ms)
    if before is not None:
        yield BenchmarkRow.of(
            f"{name}: CPU, commit {BEFORE} ÷ now",
            [before.milliseconds / now.milliseconds],
            least=1,
            note=f"calls {before.calls / now.calls:.2f} ×",
        )
