"""The end of a view: one Share and one "What am I looking at?" for all of its sections."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import streamlit as st

from components import glossary, share
from components.ending import viewing
from components.notices import escape_markdown
from components.share import Offer
from engine.core.method import Method


@dataclass(frozen=True)
class Entry:
    """What one section leaves for the end of its view.

    Args:
        title: of the section.
        explained: the method that is explained; None where it is not.
        offer: what can be taken along; None as long as there is no answer.
    """

    title: str
    explained: type[Method[Any]] | None = None
    offer: Offer | None = None


COLLECTING: ContextVar[list[Entry] | None] = ContextVar("footer", default=None)


@contextmanager
def footer(above: Sequence[Entry] = ()) -> Iterator[None]:
    """Sections inside the block share one footer, drawn below it.

    A fragment whose sections are drawn again without the rest of the page needs a footer of its
    own: `@st.fragment` above `@footer()`. A fragment that ends the page is given what
    `take_entries` took from the sections above it: there is one row for all that is shown.

    Args:
        above: what sections outside the block have left.
    """
    entries: list[Entry] = [*above]
    outer = COLLECTING.set(entries)
    try:
        with viewing():
            yield
    finally:
        COLLECTING.reset(outer)
        draw(entries)


def add_entry(entry: Entry) -> None:
    """Leave it for the footer; without one, it is drawn at once."""
    entries = COLLECTING.get()
    if entries is None:
        draw([entry])
    else:
        entries.append(entry)


def take_entries() -> tuple[Entry, ...]:
    """What sections have left so far, for a footer further down; theirs has it no more."""
    entries = COLLECTING.get() or []
    taken = tuple(entries)
    entries.clear()
    return taken


def draw(entries: Sequence[Entry]) -> None:
    offers = [(entry.title, entry.offer) for entry in entries if entry.offer]
    methods: dict[type[Method[Any]], str] = {}
    for entry in entries:
        if entry.explained:
            methods.setdefault(entry.explained, entry.title)
    sentences = [offer.sentence for _, offer in offers]
    sentences += [words for method in methods for words in glossary.method_texts(method)]
    with st.container(horizontal=True):
        if offers:
            share.menu(offers)
        glossary.explain(" ".join(sentences))
    if methods:
        explain(methods)


def explain(methods: Mapping[type[Method[Any]], str]) -> None:
    with st.expander("What am I looking at?"):
        for method, title in methods.items():
            if len(methods) > 1:
                st.markdown(f"**{escape_markdown(title)}**")
            st.markdown(escape_markdown(method.about()))
            if method.paper:
                st.markdown(f"Reference: {method.paper}")
