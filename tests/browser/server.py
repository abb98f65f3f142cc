"""Starts the app as a person would, waits until a page has finished drawing, and chooses in it."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as NotClicked

from tests import homes

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 240.0  # on a machine with much else to do

# Idle: the script has ended, nothing is a placeholder or left from the run before, images are in,
# no trials are under way, no chart is being drawn, and this has been so for 300 ms from the call
# on (what was just done starts a run, a fragment or a drawing within that time).
IDLE = """call => {
  if (!document.body) return false;  // a page that has just been opened
  if (window.settling !== call) {
    window.settling = call;
    window.idleSince = undefined;
    window.charts?.disconnect();
    window.charts = new MutationObserver(changes => {
      const drawn = change => change.target.closest?.('[data-testid="stVegaLiteChart"], svg');
      if (changes.some(drawn)) window.idleSince = undefined;
    });
    window.charts.observe(document.body, {childList: true, subtree: true});
  }
  const app = document.querySelector('[data-testid="stApp"]');
  const busy = '[data-testid="stSkeleton"], [data-testid="stSpinner"], [data-stale="true"], '
    + '.st-key-together';
  const idle = app?.dataset.testScriptState === 'notRunning'
    && app.dataset.testConnectionState === 'CONNECTED'
    && document.querySelector('[data-testid="stMain"] [data-testid="stElementContainer"]')
    && !document.querySelector(busy)
    && [...document.images].every(image => image.complete);
  if (!idle) { window.idleSince = undefined; return false; }
  window.idleSince ??= performance.now();
  return performance.now() - window.idleSince > 300;
}"""
CALLS = count()
EVERY = 100  # ms; asked at each frame, a page is drawn sixty times a second only to be asked
PATIENCE = (5_000, 5_000, 90_000)  # ms, for a list that the page's next drawing closes

ReadT = TypeVar("ReadT")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(script: Path, data: Path | None = None, **env: str) -> Iterator[str]:
    """The script behind a real server with an empty store; gives its base URL.

    Data sets that were made before are found in the folder `data`, and those it makes are kept
    there. It finds no compiler: what a test begins and stops would have a model compiled beside it.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with TemporaryDirectory(prefix="blindspot-", ignore_cleanup_errors=True) as home:
        log = homes.furnish(Path(home)) / "server.log"
        if data is not None:
            Path(home, "data").symlink_to(data.resolve())
        command = [sys.executable, "-m", "streamlit", "run", str(script)]
        command += ["--server.port", str(port)]
        command += ["--server.headless", "true", "--server.address", "127.0.0.1"]
        with log.open("w") as out:
            environment = {**os.environ, "BLINDSPOT_HOME": home, "CXX": "", **env}
            output = {"stdout": out, "stderr": subprocess.STDOUT}
            process = subprocess.Popen(command, cwd=script.parent, env=environment, **output)
        try:
            wait_until_healthy(process, url, log)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_healthy(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except (URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"The app did not start:\n{log.read_text()}")


def settle(page: Page, seconds: float = 240.0) -> None:
    """Waits until the page is idle and has been so for a while from now on."""
    page.wait_for_function(IDLE, arg=next(CALLS), timeout=seconds * 1000, polling=EVERY)


def eventually(read: Callable[[], ReadT], holds: Callable[[ReadT], bool], tries: int = 50) -> ReadT:
    """Reads until it holds, and gives that: a drawing may go away while it is measured.

    For what `expect` has no words for, as it waits by itself. Raises AssertionError with what was
    read last.
    """
    for _ in range(tries):
        result = read()
        if holds(result):
            return result
        time.sleep(0.2)
    raise AssertionError(f"what was read last is not so: {str(result)[:200]}")


def choose(page: Page, name: str, option: str | re.Pattern[str], typed: str = "") -> None:
    """Open the list and take the option; again where the page's next drawing closed the list.

    A long list is searched by what is typed. It waits until the page stands with the choice.
    """
    wanted = page.get_by_role("option", name=option, exact=isinstance(option, str))
    for patience in PATIENCE:
        box = page.get_by_role("combobox", name=re.compile(name))
        if typed:
            box.fill(typed)
        else:
            box.click()
        try:
            wanted.click(timeout=patience)
        except NotClicked:
            page.keyboard.press("Escape")
            settle(page)
        else:
            settle(page)
            return
    raise AssertionError(f"the list “{name}” closed {len(PATIENCE)} times")
