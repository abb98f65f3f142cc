"""What a person takes along from an answer: one menu, the same on every view."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlencode

import streamlit as st

from components.draw.curves import as_columns
from components.draw.scores import as_rows
from components.draw.tokens import word_values
from components.exports import as_json, as_npy
from components.notices import plain
from components.widgets.downloads import download
from engine.result import Curve, HeatMap, Table, Tokens
from engine.run import Answer

Files = Mapping[str, Callable[[], str | bytes]]  # the name of a file → what makes its content


@dataclass(frozen=True)
class Offer:
    """What a person can take along from one answer.

    Args:
        answer: what is taken along.
        key: what the keys of its widgets begin with.
        files: further files that only this answer has.
        calls: the lines of Python and, where there is one, the shell command that give this answer.
    """

    answer: Answer
    key: str
    files: Files = field(default_factory=dict)
    calls: Sequence[str] = ()


def menu(offers: Sequence[tuple[str, Offer]]) -> None:
    """The button Share: a link, and what each answer offers below its title."""
    with st.popover("Share", icon=":material/ios_share:"):
        if address := link():
            st.caption("Link to this page with these settings")
            st.code(address, language=None)
        for title, offer in offers:
            with st.expander(plain(title)) if len(offers) > 1 else st.container():
                taken(offer)


def taken(offer: Offer) -> None:
    """The numbers as CSV and NPY, how they were made, the call in Python and in the shell."""
    stem = f"blindspot-{offer.answer.record['method'].split('.')[-1]}"
    for name, make in {**offer.files, **dict(contents(offer.answer))}.items():
        file = f"{stem}-{name}"
        download(file, make, file, f"{offer.key}.share.{file}", kind="tertiary")
    for language, call in zip(("python", "shell"), offer.calls, strict=False):
        st.caption(f"The same in {language.capitalize()}")
        st.code(call, language=language)


def link() -> str:
    """The address of the page as it is set; "" where it is not known, as in a test."""
    asked = {name: st.query_params.get_all(name) for name in st.query_params}
    if not st.context.url:
        return ""
    return st.context.url + (f"?{urlencode(asked, doseq=True)}" if asked else "")


def contents(answer: Answer) -> Iterable[tuple[str, Callable[[], str | bytes]]]:
    """The files that every answer of this kind has, by their names."""
    for name, view in answer.items():
        if isinstance(view, Curve):
            yield f"{name}.csv", as_columns({view.y_label: view}).csv
        elif isinstance(view, Table):
            yield f"{name}.csv", view.csv
        elif isinstance(view, Tokens):
            yield f"{name}.csv", word_values(view).csv
        elif (rows := as_rows(view)) is not None:
            yield f"{name}.csv", rows.csv
        elif isinstance(view, HeatMap):
            yield f"{name}.npy", partial(as_npy, view)
    yield "record.json", lambda: as_json(answer)
