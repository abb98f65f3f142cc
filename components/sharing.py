"""What of the models and data here a person is shown, and what is theirs.

Others use the same machine: title and class names of a person's file are that person's. A private
model (see `engine.vision.models.checkpoints`) belongs to whoever made it, by a secret that their
browser stores, or by their login. A link to such a model carries a view key, with which others may
ask it; they neither export nor delete it. Data sets of a person's file are opened by the session
that has the file.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from components import login, uploads
from components.widgets import browser_secret
from engine.core.keeping import access
from engine.core.keeping.access import ViewRights
from engine.core.result import Checkpoint
from engine.vision.models import catalog, checkpoints
from engine.vision.models.checkpoints import PREFIX, Stored
from engine.vision.models.classifier import Classifier
from engine.vision.models.owners import KEY_LETTERS, Owner, OwnerRecord

KEY = "key"  # of the link's view keys
MOST_KEYS = 8  # that a link may carry
OPENED = "sharing.keys"  # view keys that this session came with, each of a model that is here
VIEW_KEY = re.compile(f"[0-9a-f]{{{KEY_LETTERS}}}")
PRIVATE_LINE = re.compile(r" · [0-9a-f]{4}$")  # how the line of a model that was made here ends


def begin() -> None:
    """Before a page is drawn: what is listed from now on is what this session is shown."""
    access.ask_session(rights)
    keys = st.query_params.get_all(KEY)[:MOST_KEYS]
    new = [key for key in keys if VIEW_KEY.fullmatch(key) and key not in opened_keys()]
    if new:
        opened_keys().extend(checkpoints.opened_by(new))


def finish_page() -> None:
    """After a page was drawn: its link opens what it names, and the browser has its secret."""
    write_link()
    if not login.required():
        browser_secret.exchange()


# ---------------------------------------------------------------- whose


def owners() -> list[Owner]:
    """Who this person is: first as whom they keep what they make."""
    if (secret := login.secret_of_user()) is not None:
        return [Owner(secret)]
    return [Owner(secret.encode()) for secret in browser_secret.accepted_secrets()]


def owner_of(name: str) -> Owner | None:
    """As whom this person owns a model; None where it is not theirs."""
    if not name.startswith(PREFIX):
        return None
    return next((owner for owner in owners() if checkpoints.belongs(name, owner)), None)


def may_export(name: str) -> bool:
    """Whether this person may take a model away that ships or was made here."""
    if not name.startswith(PREFIX) or owner_of(name):
        return True
    return not checkpoints.is_private(checkpoints.stored(name))


def exporter(name: str, *, names: bool = False) -> Callable[[], bytes]:
    """Makes the file of a model. It raises BadModel where this person may not have it.

    It is called in a thread that knows no session.

    Args:
        name: of the model.
        names: whether the file has the class names that are not kept with the model.
    """
    return partial(catalog.export, name, owner_of(name) or owners()[0], names=names)


def delete(name: str) -> None:
    """Delete a model that is this person's. Raises BlindspotError."""
    catalog.delete_model(name, owner_of(name) or owners()[0])


def may_copy(fingerprint: str) -> bool:
    """Whether this person may keep or take away what is made from the model of that fingerprint."""
    uploaded_models: dict[str, Classifier] = st.session_state.get("models.own", {})
    return any(model.fingerprint == fingerprint for model in uploaded_models.values()) or any(
        checkpoints.may_copy(fingerprint, owner) for owner in owners()
    )


def keeper() -> Callable[[Checkpoint], Stored]:
    """Keeps a model as this person's, also in a thread that knows no session.

    What is made from weights of a person's own is private.
    """
    uploaded_models: dict[str, Classifier] = st.session_state.get("models.own", {})
    weights = {model.fingerprint for model in uploaded_models.values()}
    owner = owners()[0]
    return lambda view: checkpoints.keep(view, owner, private=view.parent in weights)


# ---------------------------------------------------------------- what is shown


def rights() -> ViewRights | None:
    """What this session may look at; None where no visitor's script runs."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    people, keys, opened = owners(), tuple(opened_keys()), uploads.names()

    def may_look(record: OwnerRecord) -> bool:
        return any(map(record.belongs_to, people)) or any(map(record.opens_with, keys))

    return ViewRights(may_look, opened.__contains__)


# ---------------------------------------------------------------- links


def opened_keys() -> list[str]:
    """The view keys that this session came with."""
    keys: list[str] = st.session_state.setdefault(OPENED, [])
    return keys


def write_link() -> None:
    """Put the view keys of the private models into the link that it names, and no others."""
    keys = list(dict.fromkeys(view_keys()))[:MOST_KEYS]
    if keys == st.query_params.get_all(KEY):
        return
    if keys:
        st.query_params[KEY] = keys
    else:
        st.query_params.pop(KEY, None)


def view_keys() -> Iterator[str]:
    """Those of the models whose line the link has."""
    words = {word.strip() for name in st.query_params for word in st.query_params.get_all(name)}
    if not any(PRIVATE_LINE.search(word) for word in words):
        return
    for entry in catalog.local_entries():
        if entry.name.startswith(PREFIX) and entry.line.strip() in words:
            yield from key_of(checkpoints.stored(entry.name))


def key_of(model: Stored) -> Iterator[str]:
    """The view key of a private model: the owner's, or the one that this session came with."""
    if not checkpoints.is_private(model):
        return
    if (owner := owner_of(model.name)) is not None:
        yield owner.view_key(model.name)
    else:
        yield from checkpoints.keys_of(model, opened_keys())[:1]
