"""A disk without room, and a home in which every file is damaged."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree, rmtree

from benchmarks.soak import command, store
from benchmarks.soak.kills import methods, opened
from benchmarks.soak.report import Row
from benchmarks.soak.server import running

ROOM = "1m"  # of the disk that is filled
LONGEST = 20_000  # bytes of a file where no disk can be mounted: an answer fits, a model does not
HARMS: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda data: data[:0],
    "cut in half": lambda data: data[: len(data) // 2],
    "one byte changed": lambda data: data[:-9] + bytes([data[-9] ^ 255]) + data[-8:],
    "other bytes": lambda data: bytes(255 - byte for byte in data),
}


def rows(folder: Path) -> Iterator[Row]:
    """The figures of both."""
    command.warm()
    yield from full(folder)
    yield corrupt(folder)


# ---------------------------------------------------------------- a full disk


@contextmanager
def full_disk(place: Path) -> Iterator[bool]:
    """A disk of a megabyte with no byte free; False where none can be mounted."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        yield False
        return
    try:
        fill(place / "full")
        yield True
    finally:
        subprocess.run(["umount", str(place)], capture_output=True, check=False)


def fill(path: Path) -> None:
    """Write until there is no room."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def full(folder: Path) -> Iterator[Row]:
    """Answers come all the same; what was to be written is said in one line."""
    log, out = folder / "full.log", folder / "full-out"
    with full_disk(folder / "disk") as mounted:
        home = folder / "disk" if mounted else folder / "small"
        limit = tuple if mounted else command.no_file_longer_than(LONGEST)
        kind = f"a disk of {ROOM}B, filled" if mounted else f"files of at most {LONGEST} bytes"
        codes = []
        for number in range(4):
            arguments = command.words(
                number, out / str(number) if mounted else home / f"out-{number}"
            )
            child = command.begin(home, arguments, log, limit)
            codes.append(command.ended(child, command.LIMIT))
        allowed_codes = {0} if mounted else {0, 2}
        yield Row(
            f"Full disk, command line ({kind})",
            f"exit status {', '.join(map(str, codes))}; "
            f"{traces(log)} traces; {len(list(store.damage(home)))} damaged entries",
            "answers or one line, 0, 0",
            set(codes) <= allowed_codes and not traces(log) and not any(store.damage(home)),
        )
        if mounted:
            out_folder = home / "out"
            child = command.begin(home, command.words(4, out_folder), log)
            code = command.ended(child, command.LIMIT)
            line = log.read_text(errors="replace").strip().splitlines()[-1]
            yield Row(
                "Full disk, and the folder to write to lies on it too",
                f"exit status {code}: {line[-100:]}",
                "2, one line",
                code == 2,
            )
            with running(home, folder / "full-app.log") as server:
                good = asyncio.run(opened(server.url, "heatmaps", methods(5)))
                faults = server.faults
            yield Row(
                "Full disk, the app",
                f"the page {'opens' if good else 'does not open'}; {faults} traces",
                "opens, 0",
                good and not faults,
            )


def traces(log: Path) -> int:
    """Traces that were printed."""
    return log.read_text(errors="replace").count("Traceback")


# ---------------------------------------------------------------- a damaged home


def corrupt(folder: Path) -> Row:
    """Each file of a home damaged in turn, in each way; the questions are asked again each time."""
    log, whole = folder / "corrupt.log", folder / "whole"
    expected = ask(whole, folder / "out", log)
    files = [path.relative_to(whole) for path in sorted(whole.rglob("*")) if path.is_file()]
    tried = right = stayed = 0
    for name in files:
        for harm in HARMS.values():
            home = folder / "harmed"
            rmtree(home, ignore_errors=True)
            copytree(whole, home)
            path = home / name
            path.write_bytes(harm(path.read_bytes()))
            tried += 1
            right += all(map(store.alike, ask(home, folder / "again", log), expected))
            stayed += any(damaged.startswith("answers") for damaged in store.damage(home))
    return Row(
        f"Each of {len(files)} files of a home {', '.join(HARMS)}",
        f"{right} of {tried} times the same numbers; {traces(log)} traces; {stayed} times a "
        "damaged answer stayed",
        "all, 0, 0",
        right == tried and not traces(log) and not stayed,
    )


def ask(home: Path, out: Path, log: Path) -> list[store.Numbers]:
    """The arrays of two answers; none of one that did not come."""
    results = []
    for number in range(len(command.QUESTIONS)):
        rmtree(out, ignore_errors=True)
        command.ended(command.begin(home, command.words(number, out), log), command.LIMIT)
        results.append(store.arrays(out))
    return results
