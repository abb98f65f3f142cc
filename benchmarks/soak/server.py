"""The app on a home of its own, which can be killed and whose memory is known."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.browser.server import ROOT, free_port, wait_until_healthy


@dataclass
class Server:
    """A running app."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def megabytes(self) -> float:
        """Resident memory of the server's own process; 0 when it has ended."""
        try:
            lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        except OSError:
            return 0.0
        return next((int(line.split()[1]) / 1024 for line in lines if "VmRSS" in line), 0.0)

    @property
    def faults(self) -> int:
        """Traces in its log."""
        return self.log.read_text(errors="replace").count("Traceback (most recent call last)")

    def kill(self) -> None:
        """End it as the system would when memory runs out: nothing is tidied up."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running(
    home: Path, log: Path, module: str = "streamlit", script: Path = ROOT / "app.py", **env: str
) -> Iterator[Server]:
    """The app on 127.0.0.1 with that home; it has ended afterwards. It finds no compiler.

    Args:
        home: of what it keeps.
        log: of what it prints.
        module: that has Streamlit's command line.
        script: that is served.
        env: further variables.
    """
    port = free_port()
    command = [sys.executable, "-m", module, "run", str(script)]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    overrides: Mapping[str, str] = {"BLINDSPOT_HOME": str(home), "CXX": "", **env}
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **overrides}, stdout=out, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_healthy(process, url, log)
        yield Server(url, process, log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
