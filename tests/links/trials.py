"""Every parameter of every view with every kind of value, as trials of `make hostile`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from random import Random

from tests.hostile.trials import Attempt, TrialKind, TrialOutcome
from tests.links.kept import KeptParameter, kept_parameters, kept_wrong
from tests.links.states import all_states, first_states
from tests.links.trial import LinkState, probing
from tests.links.values import KINDS

BETWEEN = " · "


def named(states: Sequence[LinkState]) -> list[str]:
    """Each state with each kind of value, by name, in an order that is mixed once."""
    names = [f"{state}{BETWEEN}{kind}" for state in states for kind in KINDS]
    Random(0).shuffle(names)  # noqa: S311 - no secret
    return names


@cache
def further_names() -> list[str]:
    """The trials of the states that a choice brings, for which every view is opened first."""
    first = set(first_states())
    with probing() as prober:
        return named([state for state in all_states(prober) if state not in first])


class LinkTrials(TrialKind):
    """One trial: a view in one of its states, all other parameters with one kind of value."""

    title = "Links of every view, in every state that a choice brings"
    longest = 600.0
    setup = 7200.0
    count = 50_000  # more than there are: all of them

    def names(self, count: int) -> list[str]:
        """The names of so many: first those of the views as they open."""
        names = named(first_states())
        return (names if count <= len(names) else names + further_names())[:count]

    @contextmanager
    def running(self) -> Iterator[Attempt]:
        """The app, and what opens a link at it."""
        with probing() as prober:

            def attempt(name: str) -> TrialOutcome:
                where, _, kind = name.rpartition(BETWEEN)
                view, _, asked = where.removeprefix("/").partition("?")
                pairs = tuple(tuple(pair.split("=", 1)) for pair in asked.split("&") if pair)
                wrong = prober.wrong(LinkState(view, pairs), kind)  # type: ignore[arg-type]
                return TrialOutcome("wrong" if wrong else "refused or shown", wrong)

            yield attempt


@cache
def all_kept() -> dict[str, KeptParameter]:
    """Every parameter of every view that a link can set to two values, by name."""
    with probing(unfold=False) as prober:
        parameters = kept_parameters(prober, [state.view for state in first_states()])
    return {str(parameter): parameter for parameter in parameters}


class KeptLinkTrials(TrialKind):
    """One trial: links that name one value of a parameter, then another, with pages between."""

    title = "Links that name another value than the session has"
    longest = 900.0
    setup = 1200.0
    count = 50_000  # more than there are: all of them

    def names(self, count: int) -> list[str]:
        """The names of so many, mixed once."""
        names = list(all_kept())
        Random(0).shuffle(names)  # noqa: S311 - no secret
        return names[:count]

    @contextmanager
    def running(self) -> Iterator[Attempt]:
        """The app, and what follows links in it."""
        with probing(unfold=False) as prober:

            def attempt(name: str) -> TrialOutcome:
                wrong = kept_wrong(prober, all_kept()[name])
                return TrialOutcome("wrong" if wrong else "the link wins", wrong)

            yield attempt
