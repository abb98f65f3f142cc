"""How reliable the server is: `python -m benchmarks.soak [--only PART …] [--record]`.

Only servers on this machine are asked; every loop is bounded in count and time. Kills and damage
come first: they fork this process, which must not have computed anything.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from benchmarks.soak import disk, kills, report, sessions, two_apps
from benchmarks.soak.report import Row

PARTS = ("kills", "disk", "two-apps", "sessions")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each row as it is found; the exit status says whether all goals were reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--only", nargs="*", default=PARTS, choices=PARTS)
    parser.add_argument("--seconds", type=float, default=300, help="of the sessions")
    parser.add_argument("--visitors", type=float, default=1.0, help="share of them that come")
    parser.add_argument("--kills", type=int, default=kills.SHELL, help="of the command line")
    parser.add_argument("--app-kills", type=int, default=kills.APP, help="of the app")
    parser.add_argument("--record", action="store_true", help="into docs/reliability.md")
    options = parser.parse_args(arguments)
    if options.record and set(options.only) != set(PARTS):
        parser.error("--record replaces all figures, so it needs all parts")
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    parts: dict[str, Callable[[Path], Iterator[Row]]] = {
        "kills": partial(kills.rows, shell=options.kills, app=options.app_kills),
        "disk": disk.rows,
        "two-apps": two_apps.rows,
        "sessions": partial(sessions.rows, seconds=options.seconds, share=options.visitors),
    }
    results = []
    place = Path(mkdtemp(prefix="blindspot-soak-"))
    for name in PARTS:
        if name in options.only:
            folder = place / name
            folder.mkdir()
            for row in parts[name](folder):
                print(row.line(), flush=True)
                results.append(row)
    if options.record:
        report.write(results)
    if any(row.holds is False for row in results):
        print(f"The logs are in {place}.")
        return 1
    rmtree(place)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
