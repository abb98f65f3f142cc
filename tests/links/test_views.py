"""Links of the views themselves with values that nobody means; another part of them each day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from random import Random

import pytest

from components.views import HEATMAPS
from tests.links.states import first_states
from tests.links.trial import LinkState, Prober, probing
from tests.links.values import ESSENTIAL, KINDS

PART = 12  # of the pairs of a view and a kind of value, each day others


@pytest.fixture(scope="module")
def prober() -> Iterator[Prober]:
    """The app, each page as it opens."""
    with probing(unfold=False) as found:
        yield found


@pytest.mark.parametrize("kind", ESSENTIAL)
def test_what_broke_a_view_once_breaks_none_of_its_like(prober, kind):
    assert not prober.wrong(LinkState(HEATMAPS.address), kind)


def test_no_view_breaks_at_the_links_of_this_day(prober):
    day = date.today().toordinal()
    pairs = [(state, kind) for state in first_states() for kind in KINDS]
    part = Random(day).sample(pairs, PART)  # noqa: S311 - no secret
    wrong = {
        f"{state} {kind}": found for state, kind in part if (found := prober.wrong(state, kind))
    }
    assert not wrong, f"day {day}: {wrong}"


def test_a_view_reads_more_from_a_link_than_its_widgets_are_bound_to(prober):
    seen, names = prober.state(LinkState(HEATMAPS.address))
    assert {"image", "model", "reading", "heatmaps.methods"} <= set(seen.linked)
    assert {"crop", "file"} <= set(names) - set(seen.linked)
