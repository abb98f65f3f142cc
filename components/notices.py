"""The standing words of every page, and how a problem is said."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from engine.core.errors import BlindspotError

log = logging.getLogger(__name__)

RESEARCH = "Research software, not a medical device: not for diagnosis."
UNEXPECTED = (
    "Something went wrong inside Blindspot that is not your doing. It was written to the log; "
    "what was computed before is kept."
)


def escape_markdown(text: str) -> str:
    """The text as it is: names of files and classes are not Markdown."""
    return re.sub(r"([\\`*_\[\]<$~|])", r"\\\1", text)


def research_use_only() -> None:
    st.caption(RESEARCH)


def problem(error: Exception) -> str:
    """The sentence for a person; what is not meant for one goes to the log."""
    if isinstance(error, BlindspotError):
        return str(error)
    log.error("unexpected", exc_info=error)
    return UNEXPECTED


@contextmanager
def show_problems() -> Iterator[None]:
    """Problems inside the block are said on the page; what stands below it goes on."""
    try:
        yield
    except BlindspotError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
