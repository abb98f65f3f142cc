"""After kill -9 of a sweep none of its processes goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import psutil

ROOT = Path(__file__).parents[3]
PATIENT = 60.0  # seconds; without the watch an idle worker stays for 300, a busy one for its piece
SWEEP = """
import pathlib, time
from types import SimpleNamespace
from engine.sweep import spread

def work(piece, paces, *, compute):  # it is sent to the workers as code: they import no torch
    (one,) = piece
    pathlib.Path(one.folder, one.work).touch()
    while one.work == "computes":
        pass
    time.sleep(600)

spread.with_paces = work
pieces = [SimpleNamespace(alone=True, work=work, folder={folder!r}) for work in {works!r}]
list(spread.Processes(3)(pieces, compute=True))
"""


def test_the_processes_of_a_killed_sweep_end(tmp_path):
    """One that waits, one that computes, and one that never had a piece."""
    works = ("waits", "computes")
    script = SWEEP.format(works=works, folder=str(tmp_path))
    sweep = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    workers: list[psutil.Process] = []
    try:
        begun = monotonic()
        while len([*tmp_path.iterdir()]) < len(works) and sweep.poll() is None:
            assert monotonic() - begun < 2 * PATIENT
            sleep(0.05)
        workers = psutil.Process(sweep.pid).children(recursive=True)
        assert len(workers) >= 3
        os.kill(sweep.pid, signal.SIGKILL)
        sweep.wait()
        _, alive = psutil.wait_procs(workers, PATIENT)
        assert not alive
    finally:
        sweep.kill()
        sweep.wait()
        for process in workers:
            if process.is_running():
                process.kill()
