"""A link within the app that names something wins over what the session kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest

from benchmarks.soak.visitor import LinkedWidget, Visitor
from components.sidebar.held import named_anew
from components.sidebar.pictures import FROM_DATA
from components.views import (
    HEATMAPS,
    LEVEL_SETS,
    PROTECT_DATA,
    UNLEARNING_EXPERIMENTS,
    AppPage,
)
from tests.awaited import awaited
from tests.links.states import words
from tests.links.trial import LinkState, Prober, probing

KEPT = [  # a parameter of a view, and another view that has it too
    (HEATMAPS, "image", LEVEL_SETS), (HEATMAPS, "model", LEVEL_SETS),
    (HEATMAPS, "reading", None), (HEATMAPS, "heatmaps.methods", None),
    (UNLEARNING_EXPERIMENTS, "experiments.chosen", None),
]  # fmt: skip


@pytest.fixture(scope="module")
def prober() -> Iterator[Prober]:
    """The app, each page as it opens."""
    with probing(unfold=False) as found:
        yield found


class Tab:
    """A tab of a browser: what the page's widgets have in the address is sent before a link."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.bound: set[str] = set()

    async def follow(self, view: AppPage, link: dict[str, str]) -> dict[str, LinkedWidget]:
        """Follow a link within the app; gives the widgets of the page."""
        address = parse_qs(self.visitor.query)
        own = {key: words for key, words in address.items() if key in self.bound}
        if view.address == self.visitor.page:
            own = {}
        for key, word in link.items():
            own[key] = [*own.get(key, []), word]
        seen = await self.visitor.open(view.address, own)
        self.bound = set(seen.linked)
        return seen.linked


@pytest.mark.parametrize(("view", "key", "other"), KEPT, ids=[key for _, key, _ in KEPT])
def test_a_link_wins_over_what_was_kept_each_time(prober, view, key, other):
    widget = prober.state(LinkState(view.address))[0].linked[key]
    first, second = [word for word in words(widget) if word != FROM_DATA][:2]

    async def visit() -> None:
        tab = Tab(await Visitor.arrive(prober.server.url))
        for between in (PROTECT_DATA, view):
            for word in (first, second):
                assert (await tab.follow(view, {key: word}))[key].shown == (word,)
                if between is not view:
                    await tab.follow(between, {})
        if other:  # both pages have it: the link's comes after that of the page that is left
            for word in (first, second):
                assert (await tab.follow(other, {key: word}))[key].shown == (word,)
                assert (await tab.follow(view, {}))[key].shown == (word,)
        await tab.visitor.leave()

    awaited(visit())


@pytest.mark.parametrize(
    ("before", "now", "named"),
    [
        ({}, {"image": ["a"]}, {"image": ["a"]}),
        ({"image": ["a"]}, {"image": ["a"]}, {}),
        ({"image": ["a"]}, {"image": ["a", "b"]}, {"image": ["b"]}),
        ({"image": ["a"]}, {"image": ["b"]}, {"image": ["b"]}),
        ({"some": ["a", "b"]}, {"some": ["a", "b", "b", "c"]}, {"some": ["b", "c"]}),
        ({"some": ["a"]}, {}, {}),
    ],
)
def test_a_link_names_what_comes_after_the_address_of_the_page_that_is_left(before, now, named):
    assert named_anew(before, now) == named
