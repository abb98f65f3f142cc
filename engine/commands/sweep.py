"""`sweep PLAN.toml`: many answers, their numbers as tables and their maps as one page."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from engine.commands.terminal import clear_line, say, wrong
from engine.core.errors import BlindspotError

if TYPE_CHECKING:
    from engine.sweep.spread import Executor
    from engine.sweep.sweeping import SweepProgress, Swept

APP = "http://localhost:8501"
MOST_JOBS = 256
EVERY = 0.2, 30.0  # seconds between two lines of progress: on a terminal, in a log
TLS_FILES = {
    "--tls-ca-file": "who signed the certificates that are believed",
    "--tls-cert": "the certificate that is shown",
    "--tls-key": "its private key",
}
REASONS_LISTED = 3  # reasons that are said here; a file has all


class AnswersFailed(Exception):
    """Some answers failed by an internal error; the others are written."""


def options(parser: ArgumentParser) -> None:
    """What can be said about a sweep."""
    parser.add_argument("plan", metavar="PLAN.toml", type=Path, help="see docs/sweep.md")
    parser.add_argument("--out", type=Path, help="the folder for the tables and the sheet")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=int, default=1, metavar="N", help="on N processes here")
    where.add_argument("--scheduler", metavar="ADDRESS", help="on a Dask cluster: tls://HOST:8786")
    parser.add_argument(
        "--gpu", action="store_true", help="with --scheduler: each piece takes a worker's GPU"
    )
    for name, what in TLS_FILES.items():
        parser.add_argument(name, type=Path, metavar="PEM", help=f"with tls://: {what}")
    parser.add_argument(
        "--trusted-network",
        action="store_true",
        help="with tcp://: only trusted people reach this network, who can run code through it",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say how many answers are kept and missing, and stop"
    )
    parser.add_argument(
        "--app",
        default=APP,
        metavar="URL",
        help=f"address of the app that the sheet's links open: {APP}",
    )
    parser.add_argument(
        "--paths",
        action="store_true",
        help="tables and sheet name files with their folders, for whoever works with them here",
    )
    parser.set_defaults(command=run)


def run(arguments: Namespace) -> None:
    """Sweep a plan."""
    from engine.core.keeping.store import write_atomic
    from engine.sweep.names_only import names_only
    from engine.sweep.plan import read_plan
    from engine.sweep.scans import strongest_first, strongest_slices, volumes
    from engine.sweep.sweeping import look_up, sweep

    if not arguments.out and not arguments.dry_run:
        raise BlindspotError("Say with --out into which folder the tables go, or --dry-run.")
    plan = read_plan(arguments.plan)
    spread = choose_executor(arguments)
    if arguments.out:
        arguments.out.mkdir(
            parents=True, exist_ok=True
        )  # before an hour of computing, not after it
    report = Reporter()
    looked = look_up(plan, spread, report)
    clear_line()
    for words in dict.fromkeys(plan.notes()):
        wrong(words)
    say(f"{looked.words(spread.count)}.")
    if arguments.dry_run:
        return
    begun = monotonic()
    try:
        report = Reporter()  # what was looked up is not what was computed
        done = sweep(looked, spread, report)
    except KeyboardInterrupt:
        clear_line()
        say(f"{report.computed:,} of {len(looked.missing):,} were computed and are kept.")
        say("The same command computes the others.")
        raise
    clear_line()
    say(f"{done.computed:,} computed in {monotonic() - begun:.0f} s.")
    done = replace(done, rows=strongest_first(plan.images, done.rows))
    for words in list(strongest_slices(plan.images, done.rows))[:REASONS_LISTED]:
        say(words)
    for name, volume in volumes(plan.images, done.rows):
        if isinstance(volume, str):
            say(f"{arguments.out / name} is not written: {volume}")
            continue
        write_atomic(arguments.out / name, volume)
        say(f"{arguments.out / name}: the maps as a volume that lies on the scan")
    write_outputs(done if arguments.paths else names_only(done, plan), arguments.out, arguments.app)


def choose_executor(arguments: Namespace) -> Executor:
    """Who does the work. Raises BlindspotError."""
    from engine.core.device import best_device
    from engine.sweep.scheduler import Scheduler, TlsFiles
    from engine.sweep.spread import LocalExecutor, Processes, cluster

    if arguments.gpu and not arguments.scheduler:
        raise BlindspotError("--gpu goes with --scheduler: this computer's GPU is used anyway.")
    files = (arguments.tls_ca_file, arguments.tls_cert, arguments.tls_key)
    if (any(files) or arguments.trusted_network) and not arguments.scheduler:
        raise BlindspotError("The flags of a network go with --scheduler.")
    if any(files) and not all(files):
        raise BlindspotError(f"{', '.join(TLS_FILES)} go together: name all three.")
    if not 1 <= arguments.jobs <= MOST_JOBS:
        raise BlindspotError(f"--jobs cannot be {arguments.jobs}: choose from 1 to {MOST_JOBS}.")
    if arguments.scheduler:
        certificates = TlsFiles(*files) if all(files) else None
        scheduler = Scheduler(arguments.scheduler, certificates, trusted=arguments.trusted_network)
        return cluster(scheduler, gpu=arguments.gpu)
    if arguments.jobs > 1 and (device := best_device()).type != "cpu":
        raise BlindspotError(
            f"{arguments.jobs} processes would share {device}: leave --jobs out. --scheduler with "
            "--gpu uses several GPUs, a worker on each."
        )
    return LocalExecutor() if arguments.jobs == 1 else Processes(arguments.jobs)


class Reporter:
    """Writes how far a sweep is: over one line where somebody watches, else a line now and then."""

    def __init__(self) -> None:
        self.computed = 0
        self._last = monotonic()

    def __call__(self, tally: SweepProgress) -> None:
        """Say it, unless that was done a moment ago."""
        self.computed = tally.computed
        watched = sys.stderr.isatty()
        if monotonic() - self._last < EVERY[not watched]:
            return
        self._last = monotonic()
        sys.stderr.write(f"\r\033[K{tally.words()}" if watched else f"{tally.words()}\n")
        sys.stderr.flush()


def write_outputs(done: Swept, out: Path, app: str) -> None:
    """Write tables and sheet, and say where they lie and what is not in them."""
    from engine.core.keeping.store import write_atomic
    from engine.sweep.sheet import sheet
    from engine.sweep.tables import as_csv, as_parquet, left_out

    write_atomic(out / "answers.csv", as_csv(done.rows))
    write_atomic(out / "answers.parquet", as_parquet(done.rows))
    page = sheet(done.rows, app).encode()
    write_atomic(out / "sheet.html", page)
    say(f"{out / 'answers.csv'} and .parquet: {len(done.rows):,} rows")
    say(f"{out / 'sheet.html'}: {len(page) / 1e6:.1f} MB")
    (out / "left-out.csv").unlink(missing_ok=True)
    if not done.left_out:
        return
    write_atomic(out / "left-out.csv", left_out(done.left_out))
    reasons = dict.fromkeys(problem for _, problem in done.left_out)
    say(f"{len(done.left_out):,} answers are left out, see {out / 'left-out.csv'}:")
    for reason in list(reasons)[:REASONS_LISTED]:
        say(f"    {reason}")
    if done.faults:
        raise AnswersFailed(f"{done.faults:,} answers failed, see {out / 'left-out.csv'}.")
