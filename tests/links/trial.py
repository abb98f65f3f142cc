"""One link with values that nobody means, opened by a visitor of its own, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs

from benchmarks.soak.server import Server, running
from benchmarks.soak.visitor import PageRun, Visitor
from components.notices import UNEXPECTED
from tests.awaited import awaited
from tests.links.recording import NAMES
from tests.links.values import ALONE, Words, link_values

Link = Mapping[str, str]
REFUSAL_START = "The link "  # how each refusal begins
FREE = {"text_input", "text_area"}  # may have what nobody means
MANY = {"multiselect"}


@dataclass(frozen=True)
class LinkState:
    """A view as a link opens it: its address, and what the link names rightly."""

    view: str
    link: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"/{self.view}?{'&'.join('='.join(pair) for pair in self.link)}"


@contextmanager
def probing(*, unfold: bool = True) -> Iterator[Prober]:
    """The app on this machine, with a home of its own, and what opens links at it."""
    with TemporaryDirectory(prefix="blindspot-links-", ignore_cleanup_errors=True) as folder:
        home, log, names = (Path(folder, name) for name in ("home", "log", "names"))
        with running(home, log, "tests.links.recording", **{NAMES: str(names)}) as server:
            yield Prober(server, names, unfold)


@dataclass
class Prober:
    """Opens links at a server.

    Args:
        server: with the names that it reads noted in `names`.
        names: the file of them.
        unfold: whether what is folded away is opened too; of some views that takes long.
        known: what states read from the link and show, once they were opened.
    """

    server: Server
    names: Path
    unfold: bool = True
    known: dict[LinkState, tuple[PageRun, tuple[str, ...]]] = field(default_factory=dict)

    def state(self, state: LinkState) -> tuple[PageRun, tuple[str, ...]]:
        """What the state shows, and all names that it reads from a link."""
        if state not in self.known:
            begin = self.names.stat().st_size if self.names.exists() else 0
            page = awaited(self.opened(state.view, dict(state.link)))[0]
            with self.names.open("rb") as file:
                file.seek(begin)
                read = set(file.read().decode(errors="replace").split("\n")) - {""}
            self.known[state] = page, tuple(sorted({*read, *page.linked}))
        return self.known[state]

    def wrong(self, state: LinkState, kind: str) -> str:
        """What is wrong where every other parameter of the state has values of a kind; or ""."""
        page, names = self.state(state)
        right = dict(state.link)
        free = [name for name in names if name not in right]
        if kind in ALONE and free:  # of one parameter after the other, by state
            free = [free[len(str(state)) % len(free)]]
        bad = {name: link_values(kind, page.linked.get(name)) for name in free}
        problem = self.problem(state, right, bad)
        if not problem or len(bad) == 1:
            return problem
        alone = {name: self.problem(state, right, {name: bad[name]}) for name in bad}
        named = [f"{name}: {words}" for name, words in alone.items() if words]
        return "; ".join(named) or f"all at once: {problem}"

    def problem(self, state: LinkState, right: Mapping[str, str], bad: Mapping[str, Words]) -> str:
        """What is wrong with the page of one link; or ""."""
        before = self.server.faults
        try:
            page, address = awaited(self.opened(state.view, {**right, **bad}))
        except Exception as error:  # noqa: BLE001 - the run did not end, or the server is gone
            return f"{type(error).__name__}: {error}"
        if page.traces:
            return page.traces[0]
        if UNEXPECTED in page.text.replace("\\", ""):
            return UNEXPECTED
        if self.server.faults > before:
            return "a trace in the log"
        return unsaid(page, address, bad)

    async def opened(self, view: str, link: Mapping[str, Any]) -> tuple[PageRun, str]:
        """The page with all of it unfolded, and its address then."""
        visitor = await Visitor.arrive(self.server.url)
        try:
            page = await visitor.open(view, link)
            for _ in range(3 if self.unfold else 0):  # what is unfolded may have folds of its own
                new = [fold for fold in page.folds if fold not in visitor.states]
                if not new:
                    break
                visitor.states |= {opened_fold: {"bool_value": True} for opened_fold in new}
                later = await visitor.run()
                later.traces += page.traces
                page = later
            return page, visitor.query
        finally:
            await visitor.leave()


def unsaid(seen: PageRun, address: str, bad: Mapping[str, Words]) -> str:
    """Which parameter of a widget keeps values that it cannot have, or has lost them in silence."""
    query = parse_qs(address, keep_blank_values=True)
    wrong = [
        name
        for name, widget in seen.linked.items()
        if name in bad
        and widget.options
        and widget.kind not in MANY
        and not set(map(as_text, bad[name])) <= {*widget.options, ""}
    ]
    remaining = [name for name in wrong if query.get(name) == list(map(as_text, bad[name]))]
    if remaining:
        return f"{remaining[0]} keeps it"
    refusals = sum(text.startswith(REFUSAL_START) for text in seen.texts)
    if len(wrong) > refusals:
        return f"{refusals} of {len(wrong)} are refused in a sentence: {', '.join(wrong)}"
    return ""


def as_text(word: str | bytes) -> str:
    """As Streamlit reads it from the address."""
    return word if isinstance(word, str) else word.decode(errors="replace")
