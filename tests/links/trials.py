"""Every parameter of every view with every kind of value, as trials of `make hostile`."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random

from components.views import VIEWS
from tests.hostile.trials import Attempt, TrialKind, TrialOutcome, run_folder
from tests.links.kept import KeptParameter, kept_parameters, kept_wrong
from tests.links.states import first_states, states_behind_choices
from tests.links.trial import LinkState, probing
from tests.links.values import EACH_SORT, KINDS

BETWEEN = " · "


def named(states: Sequence[LinkState], kinds: Sequence[str]) -> list[str]:
    """Each state with each kind of value, by name, in an order that is mixed once."""
    names = [f"{state}{BETWEEN}{kind}" for state in states for kind in kinds]
    Random(0).shuffle(names)  # noqa: S311 - no secret
    return names


def crawled_states(file: Path) -> list[LinkState]:
    """States behind the choices of all views; views that the file has are not opened again."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    states = dict(map(json.loads, lines))
    missing = [view.address for view in VIEWS if view.address not in states]
    if missing:
        file.parent.mkdir(parents=True, exist_ok=True)
        with probing() as prober:
            for view in missing:
                states[view] = [state.link for state in states_behind_choices(prober, view)]
                with file.open("a", encoding="utf-8") as lines_file:
                    lines_file.write(json.dumps([view, states[view]]) + "\n")
    return [
        LinkState(view, tuple((name, word) for name, word in link))
        for view, links in states.items()
        for link in links
    ]


class LinkTrials(TrialKind):
    """One trial: a view in one of its states, all other parameters with one kind of value."""

    title = "Links of every view as it opens"
    longest = 600.0
    count = 50_000  # more than there are: all of them

    def names(self, count: int) -> list[str]:
        return named(first_states(), KINDS)[:count]

    @contextmanager
    def running(self) -> Iterator[Attempt]:
        with probing() as prober:

            def attempt(name: str) -> TrialOutcome:
                where, _, kind = name.rpartition(BETWEEN)
                view, _, query = where.removeprefix("/").partition("?")
                pairs = tuple(tuple(pair.split("=", 1)) for pair in query.split("&") if pair)
                wrong = prober.wrong(LinkState(view, pairs), kind)  # type: ignore[arg-type]
                return TrialOutcome("wrong" if wrong else "refused or shown", wrong)

            yield attempt


class DeepLinkTrials(LinkTrials):
    """The same of the parameters that are there after a choice or two; one kind of each sort."""

    title = "Links of every parameter that a choice brings"
    setup = 14_400.0

    def names(self, count: int) -> list[str]:
        """The names of so many; each choice is opened first, which takes an hour or two."""
        states = crawled_states(run_folder() / "states-behind-choices.jsonl")
        return named(states, EACH_SORT)[:count]


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
        with probing(unfold=False) as prober:

            def attempt(name: str) -> TrialOutcome:
                wrong = kept_wrong(prober, all_kept()[name])
                return TrialOutcome("wrong" if wrong else "the link wins", wrong)

            yield attempt
