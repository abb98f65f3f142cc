"""Which states of the views there are: their defaults, and each choice that a link can make."""

from benchmarks.soak.visitor import LinkedWidget
from components.views import VIEWS
from tests.links.trial import LinkState, Prober

MOST = 40  # options of one widget that are all opened; of longer lists the second and the last
DEEP = 2  # choices that are made one after the other
CHOICES = {"button_group", "radio", "selectbox", "multiselect", "checkbox"}


def first_states() -> list[LinkState]:
    """Every view as it opens."""
    return [LinkState(view.address) for view in VIEWS]


def states_behind_choices(prober: Prober, view: str) -> list[LinkState]:
    """States of a view that choices bring, each with a parameter that none before had.

    Each choice is opened, and each choice among those that it brings, once in a view.
    """
    first = LinkState(view)
    covered, tried, states = set(prober.state(first)[1]), set[str](), list[LinkState]()
    edge = [first]
    for _ in range(DEEP):
        further = [state for parent in edge for state in choices(prober, parent, tried)]
        edge = []
        for state in further:
            new = {*prober.state(state)[1]} - covered
            covered |= new
            edge += [state] if new else []
        states += edge
    return states


def choices(prober: Prober, state: LinkState, tried: set[str]) -> list[LinkState]:
    """The states one choice further; parameters that were tried are left out, and noted."""
    offered = {
        name: widget
        for name, widget in prober.state(state)[0].linked.items()
        if widget.kind in CHOICES and name not in tried
    }
    tried |= set(offered)
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
