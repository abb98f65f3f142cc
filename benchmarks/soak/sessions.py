"""Fifty visitors with thought between their moves, five who upload, two who train, for minutes.

Pages are compared with what a lone visitor saw before: a sentence that only another page has is
cross-talk; an own one that is missing was not there yet.
"""

import asyncio
import io
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.soak.report import Row, quantile
from benchmarks.soak.server import Server, running
from benchmarks.soak.visitor import PageRun, Visitor
from engine.vision.images.samples import SAMPLES

VISITORS, UPLOADERS, TRAINERS = 50, 5, 2
CALM, CALM_SECONDS = 20, 60  # visitors who come before them, and nobody uploads or trains
THOUGHT = 3.0  # seconds between an answer and the next move
EPOCHS = "10"
GOAL = 0.5  # seconds, of which 95 % of the kept views must need less
VIEWS = (  # open on an answer that ships
    "level-sets",
    "minimal-regions",
    "forget",
    "ask",
    "decoding",
    "familiar",
    "where-odd",
    "confusion-or-ignorance",
    "tickets",
    "generator",
    "certificates",
    "prototypes",
)
TIMES = re.compile(r"\d[\d.,]* (s|ms|min|MB|GB)\b")  # and the memory that is free just now

Link = tuple[str, str]  # a view's address, and the image that its link names or ""


@dataclass
class SoakTally:
    """What all visitors met."""

    waits: dict[str, list[float]] = field(default_factory=dict)  # seconds, by what was done
    crossed: list[str] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)  # MB
    trained: int = 0

    def waited(self, what: str, seconds: float) -> None:
        """One more wait."""
        self.waits.setdefault(what, []).append(seconds)


def links() -> list[Link]:
    """Views that open on a kept answer."""
    heatmaps = [("heatmaps", sample.title) for sample in SAMPLES]
    return heatmaps + [(view, "") for view in VIEWS]


def stable_text(page_run: PageRun) -> set[str]:
    """What a page says, without what differs from time to time."""
    return {TIMES.sub("…", text) for text in page_run.texts}


def unique_sentences(pages: dict[Link, set[str]]) -> dict[Link, set[str]]:
    """The sentences that no other of the pages has."""
    counter = Counter(text for texts in pages.values() for text in texts)
    return {link: {text for text in texts if counter[text] == 1} for link, texts in pages.items()}


def crossing(link: Link, texts: set[str], alone: dict[Link, set[str]]) -> str:
    """What a page says that only another one should, or ""."""
    for other, theirs in alone.items():
        if other != link and (foreign := theirs & texts):
            return f"{link} says what {other} says: {min(foreign)[:80]}"
    return ""


def lacking(link: Link, texts: set[str], alone: dict[Link, set[str]]) -> str:
    """What a page does not say and should, or ""."""
    missing = alone[link] - texts
    return f"{link} lacks {min(missing)[:80]!r}" if missing else ""


async def lone(url: str) -> dict[Link, set[str]]:
    """What each link shows to somebody who is alone and for whom nothing is computed."""
    await tour(url)  # whoever asked first is told that it was computed just now
    return unique_sentences(await tour(url))


async def tour(url: str) -> dict[Link, set[str]]:
    """What each link shows to one visitor, once nothing is computed any more."""
    visitor = await Visitor.arrive(url)
    pages = {}
    for address, image in links():
        link = {"image": image} if image else {}
        texts, before = stable_text(await visitor.open(address, link)), None
        for _ in range(20):
            if texts == before:
                break
            before = texts
            await asyncio.sleep(1)
            texts = stable_text(await visitor.open(address, link))
        pages[address, image] = texts
    await visitor.leave()
    return pages


async def browse(url: str, _: int, alone: dict[Link, set[str]], tally: SoakTally) -> None:
    """Open one kept view after the other, in the order of the lone visitor; then in a new session.

    A session keeps the image of the view before, also where a link within it names another one.
    """
    what = "first"
    while True:
        visitor = await Visitor.arrive(url)
        for link in alone:
            address, image = link
            page_run = await visitor.open(address, {"image": image} if image else {})
            tally.waited(what, page_run.seconds)
            what = "kept"
            if wrong := crossing(link, stable_text(page_run), alone):
                tally.crossed.append(wrong)
            if missing := lacking(link, stable_text(page_run), alone):
                tally.incomplete.append(missing)
            await asyncio.sleep(THOUGHT)
        await visitor.leave()


def picture(number: int) -> bytes:
    """A picture that nobody else has."""
    noise = np.random.default_rng(number).integers(0, 255, (15, 20, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((400, 300)).save(buffer, "PNG")
    return buffer.getvalue()


async def bring(url: str, number: int, alone: dict[Link, set[str]], tally: SoakTally) -> None:
    """Open pictures of one's own, each in a new session."""
    for move in range(1000):
        content = picture(1000 * number + move)
        visitor = await Visitor.arrive(url)
        first = await visitor.open("heatmaps")
        page_run = await visitor.upload("subject.file", first, f"of-{number}.png", content)
        tally.waited("upload", page_run.seconds)
        digest = blake2b(content, digest_size=4).hexdigest()
        if f"file={digest}" not in visitor.query:
            tally.crossed.append(f"{digest} was uploaded, and the link says {visitor.query}")
        for link, theirs in alone.items():
            if foreign := theirs & stable_text(page_run):
                tally.crossed.append(f"an upload's page says what {link} says: {min(foreign)[:80]}")
        await asyncio.sleep(THOUGHT)
        await visitor.leave()


async def train(url: str, number: int, _: dict[Link, set[str]], tally: SoakTally) -> None:
    """One training after the other, each with its own seed."""
    visitor = await Visitor.arrive(url)
    for move in range(1000):
        seed = 1 + 500 * number + move
        link = {"lab.part": "Train", "lab.recipe.epochs": EPOCHS, "lab.seed": str(seed)}
        page_run = await visitor.open("data-and-models", dict(link))
        if "lab.training.Train.go" in page_run.widgets:
            page_run = await visitor.set("lab.training.Train.go", page_run, trigger_value=True)
        while " of the test images right." not in page_run.text:
            await asyncio.sleep(THOUGHT)
            page_run = await visitor.run()
            tally.waited("training's page", page_run.seconds)
            if f"seed {seed}." not in page_run.text:
                tally.crossed.append(f"the page of the training with seed {seed} has another")
        tally.trained += 1


async def watch(server: Server, tally: SoakTally) -> None:
    """Note memory every two seconds."""
    while True:
        tally.memory.append(server.megabytes)
        await asyncio.sleep(2)


async def guarded(work: Coroutine[Any, Any, None], tally: SoakTally) -> None:
    """What ends one visitor is counted and ends nobody else."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - whatever it was is told
        tally.failed[f"{type(error).__name__}: {str(error)[:100]}"] += 1


async def crowd(server: Server, seconds: float, counts: tuple[int, int, int]) -> SoakTally:
    """Everybody at once, so long."""
    tally = SoakTally()
    alone = await lone(server.url)
    kinds: tuple[Callable[..., Coroutine[Any, Any, None]], ...] = (browse, bring, train)
    work = [
        guarded(kind(server.url, number, alone, tally), tally)
        for kind, count in zip(kinds, counts, strict=True)
        for number in range(count)
    ]
    tasks = [asyncio.create_task(watch(server, tally))]
    await asyncio.sleep(2.5)
    for coroutine in work:
        tasks.append(asyncio.create_task(coroutine))
        await asyncio.sleep(min(0.2, seconds / 4 / len(work)))  # they come one after the other
    until = monotonic() + seconds
    while monotonic() < until and server.process.poll() is None:
        await asyncio.sleep(0.5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return tally


def kept_row(who: str, seconds: float, tally: SoakTally) -> Row:
    """How long they waited for kept views."""
    kept_waits = tally.waits.get("kept", [])
    p95 = quantile(kept_waits, 0.95)
    return Row(
        f"A kept view; {who}, {seconds:.0f} s, {THOUGHT:.0f} s of thought",
        f"p50 {quantile(kept_waits, 0.5):.2f} s, p95 {p95:.2f} s, most "
        f"{max(kept_waits, default=0):.2f} s over "
        f"{len(kept_waits)} views: {len(kept_waits) / seconds:.1f} a second",
        f"p95 ≤ {GOAL} s",
        bool(kept_waits) and p95 <= GOAL,
    )


def counted(affected: list[str], checked: int) -> str:
    """How many pages were so, with three of them."""
    examples = f" ({'; '.join(sorted(set(affected))[:3])})" if affected else ""
    return f"{len(affected)} of {checked} pages{examples}"


def rows(folder: Path, seconds: float, share: float = 1.0) -> Iterator[Row]:
    """The figures.

    Args:
        folder: for the home and the log.
        seconds: with everybody there.
        share: of the visitors that come, for a small try.
    """
    counts = tuple(max(1, round(share * n)) for n in (VISITORS, UPLOADERS, TRAINERS))
    few, brief = max(1, round(share * CALM)), min(seconds, CALM_SECONDS)
    with running(folder / "home", folder / "server.log") as server:
        calm = asyncio.run(crowd(server, brief, (few, 0, 0)))
        tally = asyncio.run(crowd(server, seconds, counts))  # type: ignore[arg-type]
        alive = server.process.poll() is None
    kept_waits = tally.waits.get("kept", [])
    yield kept_row(f"{few} visitors", brief, calm)
    yield kept_row("{} visitors, {} uploading, {} training".format(*counts), seconds, tally)
    for what in ("first", "upload", "training's page"):
        waits = tally.waits.get(what, [])
        words = f"p50 {quantile(waits, 0.5):.2f} s, p95 {quantile(waits, 0.95):.2f} s"
        yield Row(
            f"Meanwhile: {what}",
            f"{words} over {len(waits)}; {tally.trained} trainings done"
            if what.startswith("training")
            else f"{words} over {len(waits)}",
        )
    checked = sum(map(len, tally.waits.values()))
    yield Row(
        "Pages that showed anything of another's",
        counted(tally.crossed, checked),
        "0",
        bool(checked) and not tally.crossed,
    )
    opened = len(kept_waits) + len(tally.waits.get("first", []))
    yield Row(
        "Pages that were sent before all of their own was there", counted(tally.incomplete, opened)
    )
    first, most = tally.memory[0], max(tally.memory)
    per_visitor = (most - first) / sum(counts)
    yield Row(
        "Memory of the server",
        f"{first:.0f} MB before they came, {most:.0f} MB at most, {per_visitor:.0f} MB a visitor",
    )
    ended = "; ".join(f"{n} × {words}" for words, n in tally.failed.items())
    yield Row(
        "Visitors whose session broke, traces in the log",
        f"{tally.failed.total()}{f' ({ended})' if ended else ''}, {server.faults}",
        "0, 0",
        alive and not tally.failed and not server.faults,
    )
