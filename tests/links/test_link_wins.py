"""Links of the views: with values that nobody means, and with others than the session has.

Of all, which `make hostile` tries, another part each day. One server for all of them.
"""

from collections.abc import Iterator
from datetime import date
from random import Random

import pytest

from components.sidebar.held import named_anew
from components.views import HEATMAPS, LEVEL_SETS, UNLEARNING_EXPERIMENTS, VIEWS
from tests.links.kept import kept_parameters, kept_wrong
from tests.links.states import first_states
from tests.links.trial import LinkState, Prober, probing
from tests.links.values import ESSENTIAL as ESSENTIAL_KINDS
from tests.links.values import KINDS

PART = 4  # views, one parameter of each, each day others
PAIRS = 8  # of a view and a kind of value, each day others
ESSENTIAL = [(HEATMAPS, key) for key in ("image", "model", "heatmaps.methods")]
ESSENTIAL += [(UNLEARNING_EXPERIMENTS, "experiments.chosen")]


@pytest.fixture(scope="module")
def prober() -> Iterator[Prober]:
    with probing(unfold=False) as prober:
        yield prober


@pytest.mark.parametrize(("view", "key"), ESSENTIAL, ids=[key for _, key in ESSENTIAL])
def test_a_link_wins_over_what_was_kept_each_time(prober, view, key):
    parameters = kept_parameters(prober, [view.address, LEVEL_SETS.address])
    names = [(candidate.view, candidate.key) for candidate in parameters]
    parameter = parameters[names.index((view.address, key))]
    assert bool(parameter.beside) == (key in {"image", "model"})
    assert not kept_wrong(prober, parameter)


def test_a_link_wins_over_what_was_kept_of_the_parameters_of_this_day(prober):
    day = date.today().toordinal()
    mixed = Random(day)  # noqa: S311 - no secret
    of_views = [kept_parameters(prober, [view.address]) for view in mixed.sample(VIEWS, PART)]
    parameters = [mixed.choice(parameters) for parameters in of_views if parameters]
    assert parameters, day
    wrong = {str(parameter): kept_wrong(prober, parameter) for parameter in parameters}
    assert not any(wrong.values()), f"day {day}: {wrong}"


@pytest.mark.parametrize("kind", ESSENTIAL_KINDS)
def test_what_broke_a_view_once_breaks_none_of_its_like(prober, kind):
    assert not prober.wrong(LinkState(HEATMAPS.address), kind)


def test_no_view_breaks_at_the_links_of_this_day(prober):
    day = date.today().toordinal()
    pairs = [(state, kind) for state in first_states() for kind in KINDS]
    part = Random(day).sample(pairs, PAIRS)  # noqa: S311 - no secret
    wrong = {f"{state} {kind}": prober.wrong(state, kind) for state, kind in part}
    assert not any(wrong.values()), f"day {day}: {wrong}"


def test_a_view_reads_more_from_a_link_than_its_widgets_are_bound_to(prober):
    page, names = prober.state(LinkState(HEATMAPS.address))
    assert {"image", "model", "reading", "heatmaps.methods"} <= set(page.linked)
    assert {"crop", "file"} <= set(names) - set(page.linked)


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
