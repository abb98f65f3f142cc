"""Opens one hostile file and says what came of it: `python -m tests.hostile_run NAME FOLDER`.

Seconds are of computing, in this process and in its reader; memory is the most that the reader had,
or this process beyond what it had before it opened anything.
"""

import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

from engine.core.errors import BlindspotError
from engine.vision.images import reader
from tests import hostile
from tests.opened_at_once import children


def opening(name: str, path: Path) -> Callable[[], Any]:
    """What opens the file, with everything imported."""
    data = path.read_bytes()
    if name in {case.name for case in hostile.WEIGHTS}:
        from engine.vision.models.own_file import load_weights

        return lambda: load_weights(data, name, hostile.ARCHITECTURE)
    if name in {case.name for case in hostile.ZIPS}:
        from engine.vision.data.folders import read_folders

        return lambda: read_folders(data, name)
    if name in {case.name for case in hostile.ARRAYS}:
        from engine.vision.data.medmnist import read_npz

        return lambda: read_npz(data, name)
    from engine.vision.images import read

    return lambda: read(data, name)


def seconds() -> float:
    """Of computing until now, also of the readers that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def status(name: str, process: Path = Path("/proc/self")) -> float:
    """A line of a process's memory, in MB; 0 when it has ended."""
    try:
        lines = (process / "status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), 0.0)


def watch(ended: Event, peaks: list[float]) -> None:
    """Note the readers' peaks; `ru_maxrss` has the memory of the process that started them too."""
    while not ended.wait(0.005):
        peaks += [status("VmHWM", reader) for reader in children(str(os.getpid()))]


def main() -> None:
    name, folder = sys.argv[1:]
    path = Path(folder, name)
    cases = (*hostile.IMAGES, *hostile.LARGE, *hostile.ZIPS, *hostile.ARRAYS, *hostile.WEIGHTS)
    path.write_bytes(next(case for case in cases if case.name == name).make())
    opens = opening(name, path)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    ended, peaks = Event(), [0.0]
    watching = Thread(target=watch, args=(ended, peaks))
    watching.start()
    had, before = status("VmRSS"), seconds()
    try:
        opens()
        outcome = "read"
    except BlindspotError:
        outcome = "sentence"
    except Exception as error:  # noqa: BLE001 - which it was is the answer
        outcome = repr(error)[:200]
    growth = status("VmHWM") - had
    ended.set()
    watching.join()
    reader.end_all()
    report = {"outcome": outcome, "seconds": seconds() - before, "mb": max(growth, *peaks)}
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main()
