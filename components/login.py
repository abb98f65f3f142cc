"""Who has to log in first: everybody, where `.streamlit/secrets.toml` has a section [auth].

SECURITY.md says how it is set up. Without that section nothing is asked, as on one's own computer.
"""

from __future__ import annotations

from functools import cache

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

SECTION = "auth"


@cache
def required() -> bool:
    """Whether this server was set up to ask; looked up once, when the first visitor comes."""
    try:
        return SECTION in st.secrets
    except StreamlitSecretNotFoundError:
        return False


def require() -> None:
    """End the page here, with a button to log in, unless that was done or is not asked for."""
    if not required() or st.user.is_logged_in:
        return
    st.title("Blindspot")
    st.markdown("This server asks who you are before it shows anything.")
    st.button("Log in", on_click=st.login, type="primary")
    st.stop()


def leave() -> None:
    """The button to log out, for those who are in."""
    if required():
        st.button("Log out", on_click=st.logout, icon=":material/logout:", type="tertiary")
