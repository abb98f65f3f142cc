"""Starts the app as a person would, and waits until a page has finished drawing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0

# Idle: the script has ended, nothing is a placeholder or left from the run before, images are in,
# no trials are under way, and this has been so for 300 ms (a fragment or a second run would start
# within that time).
IDLE = """() => {
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


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(script: Path, **env: str) -> Iterator[str]:
    """The script behind a real server with an empty store; gives its base URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with TemporaryDirectory(prefix="blindspot-", ignore_cleanup_errors=True) as home:
        log = Path(home) / "server.log"
        command = [sys.executable, "-m", "streamlit", "run", str(script)]
        command += ["--server.port", str(port)]
        command += ["--server.headless", "true", "--server.address", "127.0.0.1"]
        with log.open("w") as out:
            process = subprocess.Popen(
                command,
                cwd=script.parent,
                env={**os.environ, "BLINDSPOT_HOME": home, **env},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
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
    """Returns when the server answers; raises with its log when it ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except (URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"The app did not start:\n{log.read_text()}")


def settle(page: Page, seconds: float = 60.0) -> None:
    """Waits until the page is idle."""
    page.wait_for_function(IDLE, timeout=seconds * 1000)
