"""A scan in the sidebar: which slice is looked at, and through which window the model sees it."""

from math import floor, log10

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components.notices import escape_markdown
from components.widgets.pictures import show_picture
from engine.core.errors import BlindspotError
from engine.core.pictures import as_bytes
from engine.vision.case import ImageCase
from engine.vision.images import Picture, Scan, SliceChoice, Window

OWN_WINDOW = "Your own"
THUMBNAIL = 112  # px
DIGITS = ".6g"  # of a window, as it is typed and as it is said
DIRECTION = {"frame": "Frame"}  # what its slices are called, where not "Slice"


def choose_picture(scan: Scan, window_place: DeltaGenerator) -> tuple[Picture, SliceChoice]:
    """The slice and window that the model gets; each choice makes another question.

    The window is chosen in `window_place`, which stands below the model's answer.
    """
    if requested := st.session_state.pop(key(scan, "wanted"), None):
        st.session_state[key(scan, f"slice.{requested[0]}")] = requested[1]
    plane = choose_plane(scan)
    place = choose_place(scan, DIRECTION.get(plane, "Slice"), f"slice.{plane}", scan.count(plane))
    volume = choose_place(scan, "Volume", "volume", scan.volumes, start=0)
    with window_place:
        window = choose_window(scan) if scan.presets else None
    view = SliceChoice(plane, place, volume, window)
    try:
        return slice_picture(scan, view), view
    except BlindspotError as error:
        st.error(
            escape_markdown(f"{error} The middle one is shown instead."), icon=":material/error:"
        )
        return slice_picture(scan, SliceChoice()), SliceChoice()


def open_slice(scan: Scan, plane: str, place: int) -> None:
    """Look at another slice of a plane, counted from 0, from the next run on."""
    st.session_state[key(scan, "wanted")] = plane, place + 1


def slice_picture(scan: Scan, view: SliceChoice) -> Picture:
    """The picture, kept until another one is looked at."""
    stored = st.session_state.get("scan.shown")
    if stored and stored[0] == (scan.digest, view):
        stored_picture: Picture = stored[1]
        return stored_picture
    picture = scan.picture(view)
    st.session_state["scan.shown"] = (scan.digest, view), picture
    return picture


def key(scan: Scan, name: str) -> str:
    """Of a control: each scan has its own, so that another file begins in its own middle."""
    return f"scan.{scan.digest}.{name}"


def choose_plane(scan: Scan) -> str:
    if len(scan.planes) == 1:
        return scan.planes[0]
    chosen: str = st.segmented_control(
        "Plane",
        scan.planes,
        default=scan.planes[0],
        format_func=str.capitalize,
        required=True,
        key=key(scan, "plane"),
        persist_state="session",
    )
    return chosen


def choose_place(scan: Scan, label: str, name: str, count: int, start: int | None = None) -> int:
    """Which slice, frame or volume, counted from 0 here and from 1 on the screen."""
    begin = count // 2 if start is None else start
    if count == 1:
        return begin
    place: int = st.slider(
        f"{label} (of {count})", 1, count, begin + 1, key=key(scan, name), persist_state="session"
    )
    return place - 1


def choose_window(scan: Scan) -> Window | None:
    """Preset, center and width; None is the one that the scan opens with."""
    presets = {preset.name: preset.window for preset in scan.presets}
    first = next(iter(presets))
    keys = [key(scan, name) for name in ("window", "center", "width")]
    picked = st.selectbox(
        "Window that the model sees",
        [*presets, OWN_WINDOW],
        key=keys[0],
        on_change=follow_preset,
        args=(presets, keys),
        persist_state="session",
        help="The values from black to white. Another window is another question; the window in "
        "the viewer changes only what you see.",
    )
    start = presets[first]
    thinnest = min(window.width for window in presets.values()) / 1000
    unit = f" ({scan.unit})" if scan.unit else ""
    left, right = st.columns(2)
    step = 10.0 ** floor(log10(start.width / 20))
    numbers = [
        column.number_input(
            f"{label}{unit}",
            min_value=low,
            value=float(value),
            step=step,
            format=f"%{DIGITS}",
            key=widget_key,
            on_change=own_window,
            args=(keys[0],),
            persist_state="session",
        )
        for column, label, value, low, widget_key in (
            (left, "Center", start.center, None, keys[1]),
            (right, "Width", start.width, thinnest, keys[2]),
        )
    ]
    if picked != OWN_WINDOW:
        return None if picked == first else presets[picked]
    return start.moved(*numbers)


def follow_preset(presets: dict[str, Window], keys: list[str]) -> None:
    window = presets.get(st.session_state[keys[0]])
    if window is not None:
        st.session_state[keys[1]] = float(window.center)
        st.session_state[keys[2]] = float(window.width)


def own_window(picker: str) -> None:
    """A number was typed: it is no longer the preset."""
    st.session_state[picker] = OWN_WINDOW


def show_seen(case: ImageCase, picture: Picture) -> None:
    if picture.behind is None:
        return
    show_picture(as_bytes(case.image), "What the model sees", width=THUMBNAIL)
    st.caption(
        f"What the model sees: {case.model.side} × {case.model.side} px{window_caption(picture)}."
    )


def window_caption(picture: Picture) -> str:
    behind = picture.behind
    if behind is None or behind.values is None:
        return ""
    window, unit = behind.window, behind.unit and f" {behind.unit}"
    window_text = f", center {window.center:{DIGITS}}, width {window.width:{DIGITS}}{unit}"
    return window_text.replace("-", "−") + (", high values dark" if behind.inverted else "")
