"""One to four heat maps over the same picture, side by side, moved and read in the browser.

The picture goes once and each map once, as a PNG of 16-bit indices between its own lowest and
highest value; opacity, thresholds, scales, zoom and the read-out are the browser's (viewer_parts/)
and cost no server run. A map covers the whole picture, whatever its own size is.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from components import colors
from components.widgets import scans
from components.widgets.as_seen import MOST_PANELS, Look, MapGround, as_seen, look_words, read_look
from components.widgets.encoding import RecentEncodings, data_url, light, saved
from components.widgets.mounting import mounted
from components.widgets.wording import short_number, with_unit
from engine.core.pictures import captioned, extent, is_flat
from engine.core.result import HeatMap
from engine.vision.images import Slice

Pixels = NDArray[np.uint8]  # (H, W, 3)

LONG_SIDE = 640  # px; a panel is seldom wider than this on a screen
MESSAGE_LIMIT = 950_000  # characters; the budget of a page's message is 1 MB
BITS = (16, 12, 8, 6)  # steps of a map's values: the finest that fits the message
ENCODINGS_CACHED = 64  # encoded pictures and maps
EFFORT = 3  # of zlib for a map: as small as with its usual 6, in a third of the time

PARTS = ("mount", "values", "drawing", "scan", "controls", "sharing", "small")
SCRIPTS = (*(f"viewer_parts/{part}.js" for part in PARTS), "saving.js")  # one module, in this order

ROWS = ("upper", "middle", "lower")
COLUMNS = ("left", "middle", "right")
PATCHES = 9  # along each side, when the strongest place is looked for


@dataclass(frozen=True)
class Panel:
    """One picture of the row; without a map it is still waiting, and the note says for what."""

    title: str
    heat: HeatMap | None
    note: str = ""


def viewer(
    picture: Pixels,
    panels: Sequence[Panel],
    key: str,
    behind: Slice | None = None,
    truth: NDArray[np.bool_] | None = None,
    *,
    bare: bool = False,
) -> None:
    """Draw the panels; what a person then moves stays in the browser.

    A bare one has the maps with their legends and notes only; its keys are left to the page.

    A scan's slice behind the picture goes at full bit depth instead of the picture. A mask of what
    is known (H, W), over the whole picture, is outlined; an empty one has no outline.
    """
    truth = truth if truth is not None and truth.any() else None
    if not 1 <= len(panels) <= MOST_PANELS:
        message = f"The viewer holds one to {MOST_PANELS} panels, not {len(panels)}."
        raise ValueError(message)
    data = payload(picture, panels, key, behind, truth) | {"bare": bare}
    data["saved"] = requested_file(panels, MapGround(picture, behind, truth), key)
    mounted(__file__, *SCRIPTS)(
        data=data, key=key, on_save_change=lambda: store_request(key), on_look_change=lambda: None
    )


def store_request(key: str) -> None:
    """Which panel is to be saved; what the browser sends is there in this one run only."""
    st.session_state[f"{key}.asked"] = st.session_state[key].get("save")


def requested_file(panels: Sequence[Panel], ground: MapGround, key: str) -> dict[str, Any] | None:
    """The panel that was to be saved as a file, as it was seen; None where none was."""
    request = st.session_state.pop(f"{key}.asked", None)
    save_request = request if isinstance(request, dict) else {}
    for panel in panels:
        if panel.heat is not None and panel.title == save_request.get("title"):
            picture = as_file(panel.heat, panel.title, ground, read_look(save_request.get("look")))
            body = saved(Image.fromarray(picture), "PNG")
            return {"when": save_request.get("when"), "src": data_url("png", body)}
    return None


def as_file(heat: HeatMap, title: str, ground: MapGround, look: Look) -> Pixels:
    """A panel with its title, its legend and what is said of it, (H, W, 3)."""
    picture, legend = as_seen(heat, title, ground, look)
    words = finding(heat)
    lines = [f"{words[0].upper()}{words[1:]}.", legend.cut, look_words(look, ground), ground.words]
    return captioned(picture, title, [line for line in lines if line], legend)


def look_of(key: str) -> Look:
    """How the viewer of that key shows its maps, as far as the browser has said."""
    state = st.session_state.get(key)
    return read_look(state.get("look") if state is not None and hasattr(state, "get") else None)


def payload(
    picture: Pixels,
    panels: Sequence[Panel],
    key: str,
    behind: Slice | None = None,
    truth: NDArray[np.bool_] | None = None,
) -> dict[str, Any]:
    height, width = picture.shape[:2]
    content: dict[str, Any] = {"width": width, "height": height, "scan": None}
    if behind is not None:
        content["scan"] = scans.scan_json(behind)
    gray = scans.gray_payload(behind) if behind is not None else None
    if gray is None:
        content["src"] = picture_url(picture)
    else:
        content["src"] = gray.pop("src")
        content["scan"]["gray"] = gray
    maps = fit_maps([panel.heat for panel in panels], MESSAGE_LIMIT - len(content["src"]))
    return {
        "key": key,
        "picture": content,
        "ramps": ramps(),
        "truth": None if truth is None else outlined(truth),
        "panels": [
            {"title": panel.title, "note": panel.note, "map": sent}
            for panel, sent in zip(panels, maps, strict=True)
        ],
    }


def outlined(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """The border of a mask as an SVG path in its own pixels."""
    height, width = mask.shape
    padded = np.pad(mask, 1)
    rows, columns = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])  # edges between two rows
    down, across = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    level = [f"M{x} {y}h1" for y, x in zip(rows.tolist(), columns.tolist(), strict=True)]
    upright = [f"M{x} {y}v1" for y, x in zip(down.tolist(), across.tolist(), strict=True)]
    return {"width": width, "height": height, "path": "".join(level + upright)}


@cache
def ramps() -> dict[str, str]:
    """The three ramps as base64 of 256 × 3 bytes."""
    return {
        "sequential": b64encode(colors.SEQUENTIAL.tobytes()).decode(),
        "divergingLight": b64encode(colors.DIVERGING_LIGHT.tobytes()).decode(),
        "divergingDark": b64encode(colors.DIVERGING_DARK.tobytes()).decode(),
    }


def fit_maps(heats: Sequence[HeatMap | None], room: int) -> list[dict[str, Any] | None]:
    """The maps in the finest steps with which they fit the room together."""
    for bits in BITS:
        sent = [None if heat is None else map_payload(heat, bits) for heat in heats]
        if sum(len(encoded["src"]) for encoded in sent if encoded) <= room:
            break
    return sent


def map_payload(heat: HeatMap, bits: int) -> dict[str, Any]:
    """One map with what the browser needs to read its values back."""
    low, high = extent(heat.values)
    return {
        "src": map_url(heat.values, bits),
        "low": low,
        "high": high,
        "top": 2**bits - 1,
        "flat": is_flat(low, high),
        "unit": heat.unit,
        "signed": heat.signed,
        "finding": finding(heat),
    }


ENCODED: Final = RecentEncodings[str](ENCODINGS_CACHED)


def picture_url(picture: Pixels, long: int = LONG_SIDE) -> str:
    """The picture, at most so many px long, as a data URL."""
    return ENCODED.get(picture, f"picture{long}", lambda: data_url(*encode_picture(picture, long)))


def map_url(values: NDArray[np.float32], bits: int) -> str:
    return ENCODED.get(values, f"map{bits}", lambda: data_url("png", encode_map(values, bits)))


def encode_picture(picture: Pixels, long: int = LONG_SIDE) -> tuple[str, bytes]:
    """PNG, or WebP where the PNG would be heavy; a gray picture stays exactly gray."""
    image = Image.fromarray(picture)
    if (picture == picture[..., :1]).all():
        image = image.convert("L")
    image.thumbnail((long, long), Image.Resampling.LANCZOS)
    return light(image)


def encode_map(values: NDArray[np.float32], bits: int = 16) -> bytes:
    """A PNG whose red and green bytes are an index between the ends; blue 255 marks no value."""
    low, high = extent(values)
    known = np.isfinite(values)
    filled = np.where(known, values, low).astype(np.float64)
    share = (filled - low) / ((high - low) or 1.0)
    index = np.rint(share * (2**bits - 1)).astype(np.uint16)
    coded = np.stack([index >> 8, index & 255, np.where(known, 0, 255)], axis=-1)
    return saved(Image.fromarray(coded.astype(np.uint8)), "PNG", compress_level=EFFORT)


def finding(heat: HeatMap) -> str:
    values = heat.values
    if not np.isfinite(values).any():
        return "no values"
    low, high = extent(values)
    if is_flat(low, high):
        return f"flat: {with_unit(short_number(high), heat.unit)} everywhere"
    span = with_unit(f"{short_number(low)} to {short_number(high)}", heat.unit)
    if not heat.signed:
        return f"strongest in the {hottest_ninth(values)}, {span}"
    peak = f"strongest in the {hottest_ninth(values)}" if high > 0 else "nowhere positive"
    trough = f"most negative in the {hottest_ninth(-values)}" if low < 0 else "nowhere negative"
    return f"{peak}, {trough}, {span}"


def hottest_ninth(values: NDArray[np.float32]) -> str:
    """Which ninth of the picture holds the patch with the highest mean."""
    known = np.isfinite(values)
    count, total = patches(known), patches(np.where(known, values, 0))
    means = np.where(count > 0, total / np.maximum(count, 1), -np.inf)
    row, column = np.unravel_index(means.argmax(), means.shape)
    across = COLUMNS[int((column + 0.5) / means.shape[1] * 3)]
    down = ROWS[int((row + 0.5) / means.shape[0] * 3)]
    return "middle" if down == across else f"{down} {across}"


def patches(values: NDArray[Any]) -> NDArray[np.float64]:
    """The sums over at most nine by nine patches that cover the picture."""
    sums = values.astype(np.float64)
    for axis, length in enumerate(values.shape):
        edges = np.linspace(0, length, min(PATCHES, length) + 1).round().astype(int)
        sums = np.add.reduceat(sums, edges[:-1], axis)
    return sums
