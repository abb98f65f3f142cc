"""How a view ends before its last line.

After `st.stop` Streamlit draws nothing more in that run: neither the footer of the view nor the
jobs in the header. A view that calls `end` leaves them where they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import NoReturn

import streamlit as st


class EndOfView(BaseException):
    """Nothing more of this view, as with Streamlit's own StopException."""


VIEWING: ContextVar[bool] = ContextVar("viewing", default=False)


def end() -> NoReturn:
    """End the view, or the whole run where nobody waits for the view's end."""
    if VIEWING.get():
        raise EndOfView
    st.stop()


@contextmanager
def viewing() -> Iterator[None]:
    """What stands below the block is drawn also where the view in it has ended early."""
    outer = VIEWING.set(True)
    try:
        with suppress(EndOfView):
            yield
    finally:
        VIEWING.reset(outer)
