"""kill -9 at many moments: through the command line, then through the app."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from benchmarks.soak import command, store
from benchmarks.soak.report import Row
from benchmarks.soak.server import Server, running
from benchmarks.soak.visitor import Visitor

SHELL, APP = 100, 10  # kills
AGAIN = 16  # killed questions that are asked again, and compared with undisturbed ones
LATEST = 2.5  # seconds after a page was asked for that the app is killed


def rows(folder: Path, shell: int = SHELL, app: int = APP) -> Iterator[Row]:
    """The figures; `shell` and `app` are how many kills."""
    command.warm()
    yield from by_command(folder, shell)
    yield by_app(folder, app)


def by_command(folder: Path, count: int) -> Iterator[Row]:
    """Commands killed at moments spread evenly over the time that one takes."""
    log, calm, home = folder / "shell.log", folder / "calm", folder / "killed"
    again = range(min(AGAIN, count))
    expected, seconds = {}, {}
    for number in again:
        begun = perf_counter()
        out = calm / f"out-{number}"
        command.ended(command.begin(calm, command.words(number, out), log), command.LIMIT)
        expected[number] = store.arrays(out)
        kind = number % len(command.QUESTIONS)
        seconds[kind] = min(perf_counter() - begun, seconds.get(kind, command.LIMIT))
    killed, broken = 0, []
    for number in range(count):
        at = seconds[number % len(seconds)] * (number + 0.5) / count
        child = command.begin(home, command.words(number, home / f"out-{number}"), log)
        killed += command.ended(child, at) is None
        broken += list(store.damage(home))
    leftovers = store.leftovers(home)
    same = 0
    for number in again:
        out = home / f"again-{number}"
        command.ended(command.begin(home, command.words(number, out), log), command.LIMIT)
        same += store.alike(store.arrays(out), expected[number])
    yield Row(
        f"kill -9 of the command line at {count} moments",
        f"{killed} killed before their end; "
        f"{len(broken)} damaged entries{f' ({broken[0]})' if broken else ''}; {leftovers} "
        "unfinished "
        "files, which a later start sweeps",
        "some killed, 0 damaged",
        bool(killed) and not broken,
    )
    yield Row(
        f"Asked again after the kills ({len(again)} of the questions)",
        f"{same} gave the numbers of an undisturbed run",
        "all",
        0 < len(again) == same,
    )


def by_app(folder: Path, count: int) -> Row:
    """The app killed while it answers; each time it starts again on the same home."""
    home, log = folder / "app", folder / "app.log"
    home.mkdir(exist_ok=True)
    broken, started = [], 0
    for number in range(count):
        with running(home, log) as server:
            started += 1
            asyncio.run(ask_and_kill(server, number, LATEST * (number + 0.5) / count))
        broken += list(store.damage(home))
    with running(home, log) as server:
        after = asyncio.run(opened(server.url, "heatmaps", {"seed": "1"}))
    return Row(
        f"kill -9 of the app at {count} moments of an answer",
        f"{started} starts on the same home; "
        f"{len(broken)} damaged entries{f' ({broken[0]})' if broken else ''}; the page opens "
        f"afterwards: {'yes' if after else 'no'}",
        "0 damaged, yes",
        not broken and after,
    )


async def ask_and_kill(server: Server, number: int, seconds: float) -> None:
    """Ask for maps with a seed of their own, and kill the server so many seconds later."""
    visitor = await Visitor.arrive(server.url)
    page = asyncio.create_task(visitor.open("heatmaps", methods(number)))
    await asyncio.sleep(seconds)
    server.kill()
    await asyncio.gather(page, return_exceptions=True)


def methods(number: int) -> dict[str, str | list[str]]:
    """A link whose maps are computed anew for each number."""
    return {
        "heatmaps.methods": ["SmoothGrad", "Gradient"],
        "seed": str(number),
        "trust.on": "false",
    }


async def opened(url: str, address: str, link: dict[str, str | list[str]]) -> bool:
    """Whether a view opens with its question."""
    visitor = await Visitor.arrive(url)
    page_run = await visitor.open(address, link)
    await visitor.leave()
    return "Which parts of the image" in page_run.text
