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
def states_behind_choices() -> tuple[LinkState, ...]:
    """States that choices bring, each with a parameter that none before had; all are opened."""
    with probing() as prober:
        states, covered = [], set[tuple[str, str]]()
        for state in all_states(prober):
            parameters = {(state.view, name) for name in prober.state(state)[1]}
            if state.link and not parameters <= covered:
                states.append(state)
            covered |= parameters
    return tuple(states)


class LinkTrials(TrialKind):
    """One trial: a view in one of its states, all other parameters with one kind of value."""

    title = "Links of every view as it opens"
    longest = 600.0
    count = 50_000  # more than there are: all of them

    def states(self) -> Sequence[LinkState]:
        """The states of the views that are tried."""
        return first_states()

    def names(self, count: int) -> list[str]:
        """The names of so many."""
        return named(self.states())[:count]

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


class DeepLinkTrials(LinkTrials):
    """The same of the parameters that are there after a choice or two."""

    title = "Links of every parameter that a choice brings"
    setup = 7200.0

    def states(self) -> Sequence[LinkState]:
        """The states of the views that are tried; every state is opened first."""
        return states_behind_choices()


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
