"""Two apps on one home, asked the same at the same moment."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from benchmarks.soak import store
from benchmarks.soak.kills import methods
from benchmarks.soak.report import Row
from benchmarks.soak.server import running
from benchmarks.soak.sessions import TIMES
from benchmarks.soak.visitor import Visitor

QUESTIONS, TRIES = 8, 40


def rows(folder: Path) -> Iterator[Row]:
    """The figures."""
    home = folder / "shared"
    home.mkdir()
    logs = folder / "one.log", folder / "two.log"
    with running(home, logs[0]) as first_app, running(home, logs[1]) as second_app:
        pages = asyncio.run(both(first_app.url, second_app.url))
        faults = first_app.faults + second_app.faults
    alike = sum(first == second != set() for first, second in pages)
    broken = list(store.damage(home))
    yield Row(
        f"Two apps on one home, {QUESTIONS} questions asked in both at once",
        f"{alike} pages alike; {faults} traces; {len(broken)} damaged entries"
        + (f" ({broken[0]})" if broken else ""),
        f"{QUESTIONS}, 0, 0",
        alike == QUESTIONS and not faults and not broken,
    )


async def both(*urls: str) -> list[tuple[set[str], set[str]]]:
    """What each question's page says in the one app and in the other."""
    visitors = [await Visitor.arrive(url) for url in urls]
    results = []
    for number in range(QUESTIONS):
        pages = await asyncio.gather(*(answered(visitor, number) for visitor in visitors))
        results.append((pages[0], pages[1]))
    for visitor in visitors:
        await visitor.leave()
    return results


async def answered(visitor: Visitor, number: int) -> set[str]:
    """The lines of provenance and the sentences about the maps, once both are there."""
    page_run = await visitor.open("heatmaps", methods(number))
    for _ in range(TRIES):
        if page_run.text.count(" on cpu") >= 2:
            break
        await asyncio.sleep(0.5)
        page_run = await visitor.run()
    lines = {text for text in page_run.texts if " on cpu" in text or "points to" in text}
    return {TIMES.sub("…", line).partition(" on cpu")[0] for line in lines}
