"""Which states of the views there are: their defaults, and each choice that a link can make."""

from __future__ import annotations

from benchmarks.soak.visitor import LinkedWidget
from components.views import VIEWS
from tests.links.trial import LinkState, Prober

MOST = 40  # options of one widget that are all opened; of longer lists the second and the last
DEEP = 2  # choices that are made one after the other
CHOICES = {"button_group", "radio", "selectbox", "multiselect", "checkbox"}


def first_states() -> list[LinkState]:
    """Every view as it opens."""
    return [LinkState(view.address) for view in VIEWS]


def all_states(prober: Prober) -> list[LinkState]:
    """Every view with each choice that brings other parameters, and the choices among those."""
    states, edge = first_states(), first_states()
    for _ in range(DEEP):
        edge = [further for state in edge for further in choices(prober, state)]
        states += edge
    return states


def choices(prober: Prober, state: LinkState) -> list[LinkState]:
    """The states one choice further: only choices that the state before did not offer."""
    seen = prober.state(state)[0]
    offered = {name: widget for name, widget in seen.linked.items() if widget.kind in CHOICES}
    if state.link:
        before = prober.state(LinkState(state.view, state.link[:-1]))[0]
        offered = {name: offered[name] for name in offered if name not in before.linked}
    return [
        LinkState(state.view, (*state.link, (name, word)))
        for name, widget in offered.items()
        for word in words(widget)
    ]


def words(widget: LinkedWidget) -> tuple[str, ...]:
    """What a widget can be set to, but for what it has at first."""
    if widget.kind == "checkbox":
        return ("true", "false")
    others = tuple(word for word in widget.options if (word,) != widget.default)
    return others if len(others) <= MOST else (others[0], others[-1])
