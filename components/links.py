"""What a link asks for and cannot have is said until it is set anew; what is gone is let go of.

A link may hold anything. Every widget that is bound to it is drawn by `picks`, `forms` or a
neighbor that calls `refuse` first: what the widget cannot show is taken out of the link before the
widget reads it, so it always gives one of its own values.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.state import get_session_state

from components.notices import escape_markdown

PLACE: ContextVar[DeltaGenerator | None] = ContextVar("place", default=None)
ADDRESS = "links.address"  # what the link of the page holds, as far as the session knows
LONGEST = 40  # letters of what a link asked for that are repeated
MOST_VALUES = 100  # that a link may carry under one name
MOST_LETTERS = 10_000  # of such a value, and of a name
BOUND, BOUND_PAGE = "links.bound", "links.bound.page"  # what is said of a longer link, and where


Allowed = Collection[str] | Callable[[str], bool]


def refuse(
    key: str, allowed: Allowed, name: str, rule: str, *, many: bool = False, late: bool = False
) -> None:
    """Take out of the link what cannot be had, and say so; called before the widget of that key.

    Args:
        key: of the widget, and its name in the link.
        allowed: the words that it can show, or whether it can show a word.
        name: what the link asks for, as a person knows it.
        rule: what it must be, as it goes on after "because it must be".
        many: whether several values can be had at once; a single empty one then means none.
        late: whether it is the widget that says so, where its form did not before.
    """
    refused: dict[str, tuple[str, list[str], bool]] = st.session_state.setdefault(
        "links.refused", {}
    )
    requested = st.query_params.get_all(key)
    fitting = fitting_values(requested, allowed, many=many)
    wrong = [word for word in requested if word not in fitting]
    repeated = [word for word in fitting if requested.count(word) > 1]
    if wrong or len(fitting) < len(requested):
        rewrite(key, fitting)
    st.session_state.setdefault(ADDRESS, {})[key] = fitting
    if wrong:
        refused[key] = refusal(requested, wrong, name, rule, many=many), fitting, late
    elif repeated:
        sentence = (
            f"The link has “{repeated[0][:LONGEST]}” as {name} more than once: it counts once."
        )
        refused[key] = sentence, fitting, late
    elif key in refused and requested != refused[key][1]:
        del refused[key]
    if key in refused and refused[key][2] == late:
        (PLACE.get() or st).info(escape_markdown(refused[key][0]), icon=":material/link_off:")


def fitting_values(requested: Sequence[str], allowed: Allowed, *, many: bool) -> list[str]:
    """The values of a link that a widget can show, each once."""
    allows = allowed if callable(allowed) else allowed.__contains__
    if many:
        words = [word for word in dict.fromkeys(requested) if allows(word)]
        return [""] if list(requested) == [""] else words
    return list(requested) if len(requested) == 1 and allows(requested[0]) else []


def refusal(
    requested: Sequence[str], wrong: Sequence[str], name: str, rule: str, *, many: bool
) -> str:
    if len(requested) > 1 and not many:
        return f"The link gives {len(requested)} values as {name}, which has one; they are ignored."
    word = f"asks for “{wrong[0][:LONGEST]}”" if wrong[0] else "gives no value"
    return f"The link {word} as {name}; it is ignored, because it must be {rule}."


def rewrite(key: str, words: Sequence[str]) -> None:
    """Give the link other values, also where they belong to a widget, which has yet to be drawn.

    `st.query_params` lets nobody write what belongs to a widget, and a widget reads the link as it
    was when the run began.
    """
    with get_session_state().query_params() as link:
        if words:
            link.set_corrected_value(key, list(words), "string_array_value")
        else:
            link.remove_param(key)
        link.set_initial_query_params_from_current()


def bound() -> None:
    """Drop what is too much of a link, before anything reads it."""
    link = {name: st.query_params.get_all(name) for name in st.query_params}
    dropped = ""
    for name, values in link.items():
        if len(values) > MOST_VALUES or max(map(len, [name, *values])) > MOST_LETTERS:
            with suppress(StreamlitAPIException):  # a widget there bounds what it writes itself
                del st.query_params[name]
                dropped = name
    if dropped:
        words = f"{len(link[dropped]):,} values" if len(link[dropped]) > 1 else "a very long value"
        st.session_state[BOUND] = (
            f"The link has {words} for “{dropped[:LONGEST]}”. They are ignored: at most "
            f"{MOST_VALUES} values of {MOST_LETTERS:,} letters are read."
        )
        st.session_state.pop(BOUND_PAGE, None)
        st.rerun()


def say_bound(page: str) -> None:
    """Say on the page that was opened by such a link what was dropped of it."""
    if BOUND in st.session_state and st.session_state.setdefault(BOUND_PAGE, page) == page:
        st.info(escape_markdown(st.session_state[BOUND]), icon=":material/link_off:")


@contextmanager
def refusals_here() -> Iterator[None]:
    """What is refused in the block, such as in a folded form, is said above the block."""
    place = PLACE.set(st.container())
    try:
        yield
    finally:
        PLACE.reset(place)


def accept(key: str) -> None:
    """Say no longer that what the link asked for there cannot be had: now it can."""
    st.session_state.get("links.refused", {}).pop(key, None)


def let_go(key: str, offered: Iterable[Any], first: Any = None) -> None:
    """Where a widget has what is no longer offered, such as a layer of another model: the first.

    Called before the widget, which then shows it; the link lets go of it too. To delete what it
    has would not do: the browser would go on showing that.

    Args:
        key: of the widget.
        offered: what can be chosen now.
        first: what it begins with, where that is not the first that is offered.
    """
    options = list(offered)
    if st.session_state.get(key) not in [None, *options]:
        st.session_state[key] = options[0] if first is None else first
