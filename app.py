"""Blindspot's entry: `streamlit run app.py`. What visitors wait for is loaded before them."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware

from components import notices, ready
from components.guard import Guard
from components.preload import Preload


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Nobody is listened to until the modules and the default model are there."""
    ready.load()
    threading.Thread(target=ready.go_on, name="warm up", daemon=True).start()
    yield


def unexpected(error: Exception) -> bool:
    """The page gets a sentence; what has none of its own leaves a trace in the log."""
    st.error(notices.escape_markdown(notices.problem(error)), icon=":material/error:")
    return True


app = st.App(
    "components/frame.py",
    lifespan=lifespan,
    on_script_error=unexpected,
    middleware=[Middleware(Guard), Middleware(Preload)],
)
