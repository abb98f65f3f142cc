"""Who has to log in first: everybody, where `.streamlit/secrets.toml` has a section [auth].

SECURITY.md says how it is set up. Without that section nothing is asked, as on one's own computer.
"""

import json
import logging
from functools import cache
from hashlib import blake2b
from pathlib import Path

import streamlit as st
from streamlit import config
from streamlit.errors import StreamlitSecretNotFoundError

from engine.core.errors import BlindspotError

log = logging.getLogger(__name__)

SECTION = "auth"
LONG_ENOUGH = 22  # letters of a cookie_secret: 128 bits where each may be one of 64
UNREADABLE = (
    "The secrets of this server cannot be read, so it is not known who may come in. Whoever runs "
    "it finds the reason in its log."
)


@cache
def required() -> bool:
    """Whether this server was set up to ask; looked up once, when the first visitor comes.

    Raises:
        BlindspotError: there are secrets, but they cannot be read: they may hold the section, so
            that nobody is let in.
    """
    try:
        return SECTION in st.secrets
    except StreamlitSecretNotFoundError:
        if any(Path(path).exists() for path in config.get_option("secrets.files")):
            log.exception("the login cannot be looked up")
            raise BlindspotError(UNREADABLE) from None
        return False


def require() -> None:
    """End the page here, with a button to log in, unless that was done or is not asked for."""
    if not required() or st.user.is_logged_in:
        return
    st.title("Blindspot")
    st.markdown("This server asks who you are before it shows anything.")
    st.button("Log in", on_click=st.login, type="primary")
    st.stop()


def secret_of_user() -> bytes | None:
    """What the person who logged in owns models by; None where nobody has to, or it is not known.

    It follows from the person and the server's cookie_secret, so it is the same at each login and
    stands in no file of ours.
    """
    if not required():
        return None
    issuer, person = getattr(st.user, "iss", None), getattr(st.user, "sub", None)
    person = person or getattr(st.user, "email", None)
    if not person or not (key := cookie_secret()):
        return None
    text = json.dumps([issuer, person])
    return blake2b(text.encode(), digest_size=32, key=key, person=b"owner by login").digest()


@cache
def cookie_secret() -> bytes:
    """A digest of the server's secret for its cookies; empty where it is too short to be one."""
    text = str(st.secrets.get(SECTION, {}).get("cookie_secret", ""))
    if len(text) < LONG_ENOUGH:
        log.warning("cookie_secret is too short: what is made here belongs to one session alone")
        return b""
    return blake2b(text.encode(), digest_size=32).digest()


def logout_button() -> None:
    if required():
        st.button("Log out", on_click=st.logout, icon=":material/logout:", type="tertiary")
