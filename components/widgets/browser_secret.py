"""A secret that the browser stores for this site, through reloads (see browser_secret.js)."""

import re
import secrets
from typing import Any

import streamlit as st

from components.widgets.mounting import mounted

KEY = "browser_secret"
NEW = "browser_secret.new"  # of a session whose browser has not said that it has one
SECRET = re.compile(r"[\w-]{43}", re.ASCII)  # 256 bits


def exchange() -> None:
    """Give the browser this session's secret, or ask for the one it has; once for each page."""
    mounted(__file__)(
        key=KEY, data={"secret": accepted_secrets()[0]}, on_secret_change=lambda: None
    )


def accepted_secrets() -> list[str]:
    """The browser's secret first, and the one that this session had until it knew that."""
    new: str = st.session_state.setdefault(NEW, secrets.token_urlsafe(32))
    state: Any = st.session_state.get(KEY)
    stored = state.get("secret") if hasattr(state, "get") else None
    if isinstance(stored, str) and SECRET.fullmatch(stored) and stored != new:
        return [stored, new]
    return [new]
