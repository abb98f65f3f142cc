"""An answer as words that can be clicked, each underlined by how sure the model was of it.

The line is thicker and bluer the surer; below stands the number. What else is known of a word is a
sign before it and a note, so that nothing is told by color alone.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from math import isnan
from typing import Any

import streamlit as st

from components.widgets.mounting import mounted
from engine.core.whole import whole_number

UNSURE = (230, 97, 0)  # ends of the line's color; told apart by all eyes
SURE = {"light": (0, 90, 181), "dark": (102, 178, 255)}
THIN, THICK = 1.5, 7.0  # px of the line


@dataclass(frozen=True)
class AnswerWord:
    """One word of an answer.

    Args:
        text: the word.
        share: its probability; NaN where it has none, and no line.
        kind: "", "true", "again" or "invented": what is known of it.
        note: that in words.
        chosen: whether it is picked.
        other: whether an answer beside this one says something else here.
    """

    text: str
    share: float
    kind: str = ""
    note: str = ""
    chosen: bool = False
    other: bool = False


def draw_words(
    rows: Sequence[AnswerWord],
    label: str,
    key: str,
    on_pick: Callable[[list[int]], None],
    *,
    small: bool = False,
) -> None:
    """Draw the answer; a click calls `on_pick` with the places of the words that are picked now.

    Args:
        rows: the words.
        label: what the group of words is, for those who cannot see it.
        key: of the component.
        on_pick: told the places, from 0, in their order.
        small: for several answers beside each other, without what the lines mean.
    """
    tag = blake2b(" ".join(row.text for row in rows).encode(), digest_size=8).hexdigest()

    def picked() -> None:
        places = places_of(st.session_state[key]["picked"], tag, len(rows))
        if places:
            on_pick(places)

    drawn = [
        asdict(row) | underline_style(row.share) | ({"share": None} if isnan(row.share) else {})
        for row in rows
    ]
    ends = (
        [underline_style(share) | {"share": share} for share in (0.1, 0.5, 1.0)]
        if not small
        else []
    )
    mounted(__file__)(
        data={"rows": drawn, "words": label, "tag": tag, "legend": ends, "small": small},
        key=key,
        on_picked_change=picked,
    )


def underline_style(share: float) -> dict[str, str]:
    """How a word is underlined: width in px, color, and the gap that keeps words level."""
    if isnan(share):
        return {"width": "0px", "gap": f"{THICK:.1f}px", "color": "transparent"}
    clipped = min(max(share, 0.0), 1.0)
    width = THIN + clipped * (THICK - THIN)
    light, dark = (blend_color(clipped, sure) for sure in SURE.values())
    return {
        "width": f"{width:.1f}px",
        "gap": f"{THICK - width:.1f}px",
        "color": f"light-dark({light}, {dark})",
    }


def blend_color(share: float, sure: tuple[int, int, int]) -> str:
    parts = (round(a + share * (b - a)) for a, b in zip(UNSURE, sure, strict=True))
    return "#" + "".join(f"{part:02x}" for part in parts)


def places_of(answer: Any, tag: str, count: int) -> list[int]:
    """The places that the browser sent, where they fit the answer; it may send anything."""
    if not isinstance(answer, dict) or answer.get("tag") != tag:
        return []
    places = answer.get("places")
    if not isinstance(places, list):
        return []
    return sorted({place for place in places if isinstance(place, int) and 0 <= place < count})


def picked_from(linked: str, count: int, first: Collection[int]) -> tuple[int, ...]:
    """The places that a link names, such as "0,3"; `first` where it names none that exist."""
    places = {whole_number(part) for part in linked.split(",")}
    picked = sorted(place for place in places if place is not None and place < count)
    return tuple(picked) or tuple(first)


def picked_places(key: str, text: str, count: int, first: int) -> tuple[int, ...]:
    """The words of a text that are picked: those clicked, else those of the link, else the first.

    Args:
        key: in the link.
        text: the answer; another one has words of its own.
        count: of its words.
        first: which of them is picked where none was.
    """
    stored = st.session_state.get(f"{key}.held")
    if stored is not None and stored[0] == text:
        return tuple(stored[1])
    linked = st.query_params.get(key, "") if stored is None else ""
    places = picked_from(linked, count, [first])
    store_picks(key, text, first, places)
    return places


def store_picks(key: str, text: str, first: int, places: Sequence[int]) -> None:
    """Remember picked words, in the link only where they are not the first one alone."""
    st.session_state[f"{key}.held"] = text, tuple(places)
    if tuple(places) == (first,):
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = ",".join(map(str, places))
