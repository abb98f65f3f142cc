"""How reliable the server is: `python -m benchmarks.soak [--only PART …] [--record]`, 12 minutes.

Only servers on this machine are asked; every loop is bounded in count and time. Kills and damage
come first: they fork this process, which must not have computed anything.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.soak import disk, kills, report, sessions, two_apps
from benchmarks.soak.report import Row

PARTS = ("kills", "disk", "two-apps", "sessions")


def main() -> int:
    """Print each row as it is found; the exit status says whether all goals were reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--only", nargs="*", default=PARTS, choices=PARTS)
    parser.add_argument("--seconds", type=float, default=300, help="that everybody is there")
    parser.add_argument("--visitors", type=float, default=1.0, help="share of them that come")
    parser.add_argument("--kills", type=int, default=kills.SHELL, help="of the command line")
    parser.add_argument("--app-kills", type=int, default=kills.APP, help="of the app")
    parser.add_argument("--record", action="store_true", help="write docs/reliability.md")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    parts: dict[str, Callable[[Path], Iterator[Row]]] = {
        "kills": partial(kills.rows, shell=asked.kills, app=asked.app_kills),
        "disk": disk.rows,
        "two-apps": two_apps.rows,
        "sessions": partial(sessions.rows, seconds=asked.seconds, share=asked.visitors),
    }
    found = []
    with TemporaryDirectory(prefix="blindspot-soak-") as place:
        for name in PARTS:
            if name in asked.only:
                folder = Path(place, name)
                folder.mkdir()
                for row in parts[name](folder):
                    print(row.line(), flush=True)
                    found.append(row)
    if asked.record:
        report.write(found)
    return int(any(row.holds is False for row in found))


if __name__ == "__main__":
    raise SystemExit(main())
