"""Opens one hostile file and says what came of it: `python -m tests.hostile_run NAME FOLDER`.

Seconds are of computing, in this process and in its reader; memory is the most that either of them
had beyond what this program has before it opens anything.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.errors import BlindspotError
from engine.images import reader
from tests import hostile


def opening(name: str, path: Path) -> Callable[[], Any]:
    """What opens the file, with everything imported."""
    data = path.read_bytes()
    if name in {case.name for case in hostile.WEIGHTS}:
        from engine.models.own_file import load_weights

        return lambda: load_weights(data, name, hostile.ARCHITECTURE)
    if name in {case.name for case in hostile.ZIPS}:
        from engine.data.folders import read_folders

        return lambda: read_folders(data, name)
    if name in {case.name for case in hostile.ARRAYS}:
        from engine.data.medmnist import read_npz

        return lambda: read_npz(data, name)
    from engine.images import read

    return lambda: read(data, name)


def seconds() -> float:
    """Of computing until now, also of the readers that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def status(name: str) -> float:
    """A line of this process's memory, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def main() -> None:
    """Open the file, and print what came of it."""
    name, folder = sys.argv[1:]
    path = Path(folder, name)
    cases = (*hostile.IMAGES, *hostile.LARGE, *hostile.ZIPS, *hostile.ARRAYS, *hostile.WEIGHTS)
    path.write_bytes(next(case for case in cases if case.name == name).make())
    opens = opening(name, path)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    had, before = status("VmRSS"), seconds()
    try:
        opens()
        outcome = "read"
    except BlindspotError:
        outcome = "sentence"
    except Exception as error:  # noqa: BLE001 - which it was is the answer
        outcome = repr(error)[:200]
    own = status("VmHWM") - had
    reader.end_all()
    theirs = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    told = {"outcome": outcome, "seconds": seconds() - before, "mb": max(own, theirs)}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
