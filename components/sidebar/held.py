"""What is chosen in the sidebar stays while other pages are open, and stays in the link.

Streamlit hands the value of a widget on to the widget of the same key on another page, and writes
it into that page's link, but not always: a page that was run only once keeps what its link chose
under the numbers of its widgets, and so does one that a component reports from while it is left.
So the values are put under their keys as a page is opened, and where its link then lacks one, they
are put there once more when the browser knows the page's widgets: that is written.

A link that opens another page and names another value wins over what was chosen. The browser puts
what the page before had in its address in front of what the link names, and Streamlit drops all
values of a name that a widget of the page before has: so what the link names is what comes after
the address of the page before, and it is put back.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn
from urllib.parse import parse_qs

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.scriptrunner import get_script_run_ctx

from components.links import ADDRESS, rewrite
from components.views import AppPage

KEYS = (
    "image", "data", "kind", "item", "model", "words", "prompt", "target", "versus", "reading",
    "precision", "seed",
)  # fmt: skip
PAGE = "subject.page"
LINKED = "subject.linked_keys"  # what the link of the page says of the subject
LATE = "subject.late"  # runs in which it may still be written into the link
SUFFIXES = ("", ".held", ".of")  # of what views keep beside the link under a name of it
AT_FIRST = {  # what is read from the link that opens a session, and kept
    "crop": ("subject.linked", "subject.moved"),
    "file": ("subject.linked_file",),
}
SECONDS = 0.3  # until it is, where nothing else runs the page again


@contextmanager
def hold(page: str) -> Iterator[None]:
    """Take the subject along to the page of that address, which is drawn within."""
    state = st.session_state
    opened = state.get(PAGE, page) != page
    state[PAGE] = page
    late = 2 if opened else state.pop(LATE, 0)
    if opened and any(is_bound(key) for key in KEYS):
        state[LINKED] = KEYS  # the page before is not left yet, and may have them in its link
    if opened:
        let_link_win(state.get(ADDRESS, {}))
    if late:
        put_under_keys(KEYS if opened else [key for key in KEYS if key not in st.query_params])
    try:
        yield
    except BaseException:  # Streamlit's own, of a run that ends early, among them
        state[LATE] = late
        raise
    finally:
        state[ADDRESS] = address()
    linked = state.get(LINKED, ())
    if late == 2 and any(key in state and key not in st.query_params for key in linked):
        run_again()
        state[LATE] = 1
    state[LINKED] = [key for key in KEYS if key in st.query_params]


def put_under_keys(keys: Iterable[str]) -> None:
    for key in keys:
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]


def let_link_win(before: Mapping[str, list[str]]) -> None:
    """Forget what was kept of a setting that the link to this page names: Streamlit keeps the old.

    Args:
        before: what the link of the page that is left held.
    """
    for key, words in named_anew(before, address()).items():
        for name in (*(key + suffix for suffix in SUFFIXES), *AT_FIRST.get(key, ())):
            st.session_state.pop(name, None)
        rewrite(key, words)
    for key in st.query_params:
        if key in st.session_state and key not in KEYS:
            del st.session_state[key]


def named_anew(
    before: Mapping[str, list[str]], now: Mapping[str, list[str]]
) -> dict[str, list[str]]:
    """What a link names beside what the page that is left had in its own."""
    named = {}
    for key, words in now.items():
        old = before.get(key, [])
        rest = words[len(old) :] if words[: len(old)] == old else words
        if rest and rest != link_values(st.session_state.get(key)):
            named[key] = rest
    return named


def link_values(value: Any) -> list[str]:
    """A widget's value as a link has it, but for words that are shown otherwise than kept."""
    parts = value if isinstance(value, list | tuple) else [value]
    return [str(part).lower() if isinstance(part, bool) else f"{part}" for part in parts]


def address() -> dict[str, list[str]]:
    """What the browser's link holds, also of widgets of the page that is left."""
    context = get_script_run_ctx()
    return parse_qs(context.query_string, keep_blank_values=True) if context else {}


@st.fragment(run_every=SECONDS)
def run_again() -> None:
    """Run the page once more when the browser knows its widgets."""
    if st.session_state.get(LATE):
        st.rerun()


def is_bound(key: str) -> bool:
    """Whether that part of the link belongs to a widget; then nobody else may write it."""
    try:
        if key in st.query_params:
            st.query_params[key] = st.query_params[key]
        else:
            del st.query_params[key]
    except KeyError:
        return False
    except StreamlitAPIException:
        return True
    return False


def free(link: Mapping[str, str]) -> dict[str, str]:
    """The parts of a link that belong to no widget: a widget writes its own."""
    return {key: value for key, value in link.items() if not is_bound(key)}


def go(view: AppPage, link: Mapping[str, str]) -> NoReturn:
    """Open a view whose link names what the app has just chosen, so that a reload keeps it."""
    st.switch_page(view.path, query_params=free(link))
    raise AssertionError  # switch_page does not come back
