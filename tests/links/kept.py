"""Links within the app that name another value than the session has, for any parameter."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from benchmarks.soak.visitor import LinkedWidget, PageRun, Visitor
from components.notices import UNEXPECTED
from components.views import HEATMAPS, PROTECT_DATA
from tests.awaited import awaited
from tests.links.states import words
from tests.links.trial import FREE, LinkState, Prober

BETWEEN = PROTECT_DATA.address, HEATMAPS.address  # what is opened meanwhile; it has a subject too
LATE, PAUSE = 60.0, 0.2  # s
TYPED = ("is there a boat", "is there a fish")


@dataclass(frozen=True)
class KeptParameter:
    """A parameter of a view, some values of it, and another view that has them too.

    Args:
        view: the address.
        key: the name in the link.
        values: two or three, as a link has them; what it has at first comes last.
        beside: the address of the other view; None where there is none.
    """

    view: str
    key: str
    values: tuple[str, ...]
    beside: str | None = None

    def __str__(self) -> str:
        """As a link begins."""
        also = "" if self.beside is None else f" and /{self.beside}"
        return f"/{self.view}?{self.key}{also}"


class Tab:
    """A tab of a browser: what the page's widgets have in the address is sent before a link."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.bound: set[str] = set()

    async def follow(self, view: str, link: dict[str, str], awaits: str = "") -> PageRun:
        """Follow a link within the app, and wait until the parameter is there, if one is named."""
        address = parse_qs(self.visitor.query, keep_blank_values=True)
        sent = {key: values for key, values in address.items() if key in self.bound}
        if view == self.visitor.page:
            sent = {}
        for key, word in link.items():
            sent[key] = [*sent.get(key, []), word]
        page = await self.visitor.open(view, sent)
        for _ in range(int(LATE / PAUSE)):  # a page comes without what is still being computed
            if not awaits or awaits in page.linked:
                break
            await asyncio.sleep(PAUSE)
            page = await self.visitor.run()
        self.bound = set(page.linked)
        return page


def kept_parameters(prober: Prober, views: Iterable[str]) -> list[KeptParameter]:
    """Every parameter of the views that a link can set to two values and more."""
    linked = {view: prober.state(LinkState(view))[0].linked for view in views}
    pairs = [(view, key) for view, widgets in linked.items() for key in widgets]
    values = {(view, key): link_words(linked[view][key]) for view, key in pairs}

    def parameter(view: str, key: str) -> KeptParameter:
        some = values[view, key]
        alike = (other for other in linked if values.get((other, key)) == some and other != view)
        return KeptParameter(view, key, some, next(alike, None))

    return [parameter(*pair) for pair, some in values.items() if len(some) > 1]


def link_words(widget: LinkedWidget) -> tuple[str, ...]:
    """Two values that a link can give a widget, and its first; fewer where there are none."""
    if widget.kind in FREE:
        return TYPED
    some = words(widget)[:2]
    if widget.ends:
        low, high, step = widget.ends
        begin = float(widget.default[0])
        near = (begin + step, begin - step, begin + 2 * step, begin - 2 * step)
        some = tuple(written(number) for number in near if low <= number <= high)[:2]
    if widget.kind == "checkbox":
        return tuple(sorted(some, key=widget.default[0].lower().__eq__))
    default = tuple(written(float(word)) if widget.ends else word for word in widget.default)
    return (*some, *default) if len(default) == 1 else some


def written(number: float) -> str:
    return f"{number:.12g}"


def shows(widget: LinkedWidget | None, word: str) -> bool:
    """Whether a widget has that value alone."""
    if widget is None:
        return False
    (*others, last) = widget.shown or widget.default or ("",)
    same = written(float(last)) == word if widget.ends else last.lower() == word.lower()
    return same and not others


def kept_wrong(prober: Prober, parameter: KeptParameter) -> str:
    """What is wrong where links name one value and then another; or ""."""
    return str(awaited(follow_all(prober.server.url, parameter)))


async def follow_all(url: str, asked: KeptParameter) -> str:
    """Follow links that name one value and then another; gives what is wrong, or ""."""
    first, second, last = asked.values[0], asked.values[1], asked.values[-1]
    between = next(view for view in BETWEEN if view != asked.view)
    back: tuple[str, str | None, str] = (between, None, "")
    one, two, end = ((asked.view, word, word) for word in (first, second, last))
    steps = [one, back, two, one, back, end, back, one]
    if asked.beside is not None:  # both have it: the link's comes after that of the page before
        steps += [(asked.beside, second, second), (asked.view, None, second)]
        steps += [(asked.beside, first, first), end]
    tab = Tab(await Visitor.arrive(url))
    try:
        for at, (view, named, expected) in enumerate(steps, 1):
            link = {} if named is None else {asked.key: named}
            page = await tab.follow(view, link, asked.key if expected else "")
            if problem := problem_of(page, asked.key, expected):
                return f"link {at}, /{view} with {named!r}: {problem}"
    except TimeoutError as error:
        return f"{type(error).__name__}: {error}"
    else:
        return ""
    finally:
        await tab.visitor.leave()


def problem_of(seen: PageRun, key: str, expected: str) -> str:
    """What is wrong with a page that is to show a value; or ""."""
    if seen.traces:
        return seen.traces[0]
    if UNEXPECTED in seen.text.replace("\\", ""):
        return UNEXPECTED
    widget: Any = seen.linked.get(key)
    if expected and not shows(widget, expected):
        return f"shows {(widget.shown or widget.default) if widget else None}, not {expected!r}"
    return ""
