"""Blindspot's entry: `streamlit run app.py`. The model is made ready while the server starts."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware

from components import notices
from components.guard import Guard


def warm_up() -> None:
    """Load what the first visitor needs: torch, the default model, its best batch size."""
    from engine.models import catalog

    model = catalog.load()
    model.pace("exact")
    model.pace("gradient")


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Warm up beside the starting server, not before it."""
    threading.Thread(target=warm_up, name="warm up", daemon=True).start()
    yield


def unexpected(error: Exception) -> bool:
    """The page gets a sentence; what has none of its own leaves a trace in the log."""
    st.error(notices.plain(notices.problem(error)), icon=":material/error:")
    return True


app = st.App(
    "components/frame.py", lifespan=lifespan, on_script_error=unexpected,
    middleware=[Middleware(Guard)],
)  # fmt: skip
