"""The tray: what a session has pinned, in its order, bounded in number and size.

All sessions' trays together are bounded too: what is pinned lies in this process's memory until its
session ends.
"""

import threading
from collections.abc import Iterator, Sequence
from typing import Final
from weakref import WeakSet

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from components import uploads
from components.report.pinned import Pinned
from engine.vision.models import catalog

MOST = 40  # results
ROOM = 200_000_000  # bytes of all together
ROOM_OF_ALL = 1_000_000_000  # bytes of all visitors' trays together
WHOLE = "report.whole"  # whether the page itself is drawn, not only a fragment of it
MODELS = "report.models"  # that were among those offered when something of them was pinned

ALL_PINNED: Final = WeakSet[Pinned]()  # those of a session that has ended leave by themselves
_pinning = threading.Lock()


def pinned() -> list[Pinned]:
    """What is pinned, first to last."""
    results: list[Pinned] = st.session_state.setdefault("report.tray", [])
    return results


def pin(result: Pinned) -> str:
    """Put it at the end; "" or, in a sentence, why it cannot be pinned."""
    results = pinned()
    if any(pinned_result.name == result.name for pinned_result in results):
        return "This is pinned already, as it is shown now."
    if len(results) >= MOST:
        return (
            f"The tray holds {MOST} results. Open it, download the report, and remove some; "
            "then pin this one."
        )
    if sum(pinned_result.nbytes for pinned_result in results) + result.nbytes > ROOM:
        return (
            f"With this one the tray would hold more than {ROOM / 1e6:.0f} MB. Open it, download "
            "the report, and remove some; then pin this one."
        )
    with _pinning:
        if sum(pinned_result.nbytes for pinned_result in ALL_PINNED) + result.nbytes > ROOM_OF_ALL:
            return (
                "The trays of all visitors are full: together they hold at most "
                f"{ROOM_OF_ALL / 1e6:,.0f} MB. Remove some of yours, or try again later."
            )
        ALL_PINNED.add(result)
    results.append(result)
    past_models: set[str] = st.session_state.setdefault(MODELS, set())
    past_models.update({result.model} & model_names())
    return ""


def model_names() -> set[str]:
    return {entry.name for entry in catalog.entries()}


def titles() -> dict[str, str]:
    """The titles of all models that can be asked now, by their names."""
    return {entry.name: entry.title for entry in catalog.entries()}


def gone(result: Pinned) -> bool:
    """Whether its model was removed since it was pinned."""
    return result.model in st.session_state.get(MODELS, set()) - model_names()


def begin() -> None:
    """The page is drawn from the start."""
    st.session_state[WHOLE] = True


def mark_header_drawn() -> None:
    """The entry in the header stands; what comes now is a fragment, which cannot draw it again."""
    st.session_state[WHOLE] = False


def stale() -> bool:
    """Whether the header would still say an older count."""
    return not st.session_state.get(WHOLE, True)


def remove(name: str) -> None:
    """Let go of one."""
    results = pinned()
    with _pinning:
        ALL_PINNED.difference_update(
            pinned_result for pinned_result in results if pinned_result.name == name
        )
    results[:] = [pinned_result for pinned_result in results if pinned_result.name != name]


def move(name: str, by: int) -> None:
    """Up by −1 or down by 1; at an end it stays."""
    results = pinned()
    at = next((at for at, pinned_result in enumerate(results) if pinned_result.name == name), None)
    if at is not None and 0 <= at + by < len(results):
        results.insert(at + by, results.pop(at))


def opened_names() -> Sequence[str]:
    """The names of files that this session has opened, and the titles of data made of them."""
    return tuple(dict.fromkeys(private_names()))


def private_names() -> Iterator[str]:
    """Of every uploader in the session, and of its data sets."""
    for value in st.session_state.values():
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, UploadedFile):
                yield entry.name
    for imported in uploads.session_uploads().values():
        yield imported.data.card.title
