"""One image of the study: rows are labels, columns are methods, with the true outline on each."""

from __future__ import annotations

from html import escape

import numpy as np
import streamlit as st

from components import runs
from components.draw.ranking_table import stays
from components.exports import encoded
from components.links import let_go, refuse
from components.notices import plain
from components.study.form import KEY, Asked
from components.study.ranking import named, number
from components.widgets.downloads import download
from components.widgets.triangle import encode
from components.widgets.viewer import ENCODED, Pixels
from engine.attribution.study import Asked as Image
from engine.attribution.study import StudyMaps
from engine.attribution.study.look import SEPARATOR
from engine.colors import DIVERGING_LIGHT, SEQUENTIAL, Ramp
from engine.pictures import as_bytes
from engine.result import Columns, HeatMap
from engine.run import Answer

SIDE = 132  # px of a map on the page
OUTLINE = (255, 255, 255), (0, 0, 0)


def show(asked: Asked) -> None:
    """Choose an image, and see every map of it."""
    st.markdown("**One image, every map**")
    one = choose(asked)
    outcome = runs.ask(StudyMaps(image=str(one.id)), asked.case, f"{KEY}.maps")
    if not isinstance(outcome, Answer):
        runs.watch([outcome])
        return
    st.html(as_html(asked, one, outcome))
    st.caption(plain(words(asked, one)))
    download(
        "PNG", lambda: encoded(sheet(asked, one, outcome)), f"blindspot-study-{one.id}.png",
        f"{KEY}.maps.png",
    )  # fmt: skip


def choose(asked: Asked) -> Image:
    """Which image; its things are in its name."""
    key, case = f"{KEY}.image", asked.case
    titles = {title(asked, one): one for one in case.images}
    refuse(key, titles, "Image", "one of this study's images")
    let_go(key, titles)
    picked = st.selectbox("Image", list(titles), key=key, bind="query-params")
    return titles[picked]


def title(asked: Asked, one: Image) -> str:
    """An image's name."""
    labels = ", ".join(asked.case.model.labels[label] for label in one.labels)
    return f"{one.id}: {labels}"


def words(asked: Asked, one: Image) -> str:
    """How to read the maps."""
    rival = (
        ""
        if one.rival is None
        else f" The last row asks about “{asked.case.model.labels[one.rival]}”, which is not there."
    )
    return (
        "White border: where the thing of the row is. The maps of one column share a scale that "
        "ends at the column's largest size; columns have units of their own. Percent: of as "
        f"many strongest pixels as the thing has, how many lie on it.{rival}"
    )


# ---------------------------------------------------------------- pictures


def tops(asked: Asked, one: Image, found: Answer) -> dict[str, float]:
    """The largest size of each method's maps, at which its colors end."""
    held = {}
    for method in asked.case.methods:
        maps = [heat(asked, label, method.name, found) for label in one.targets]
        held[method.name] = max(float(np.abs(one.values).max()) for one in maps)
    return held


def heat(asked: Asked, label: int, method: str, found: Answer) -> HeatMap:
    """One map."""
    view: HeatMap = found[f"{asked.case.model.labels[label]}{SEPARATOR}{method}"]
    return view


def painted(view: HeatMap, top: float, mask: np.ndarray | None) -> Pixels:
    """A map in colors on its column's scale, enlarged, with the mask's border."""
    share = view.values / top if top > 0 else np.zeros_like(view.values)
    ramp: Ramp = DIVERGING_LIGHT if view.signed else SEQUENTIAL
    place = (share + 1) / 2 if view.signed else share
    return bordered(ramp[np.rint(np.clip(place, 0, 1) * 255).astype(np.uint8)], mask)


def bordered(pixels: np.ndarray, mask: np.ndarray | None) -> Pixels:
    """A picture at twice its size, with a white border and a black one around it."""
    large: Pixels = pixels.repeat(2, 0).repeat(2, 1).copy()
    if mask is not None and mask.any():
        inside = mask.repeat(2, 0).repeat(2, 1)
        for color in OUTLINE:
            grown = spread(inside)
            large[grown & ~inside] = color
            inside = grown
    return large


def spread(mask: np.ndarray) -> np.ndarray:
    """A mask and the pixels next to it."""
    found = mask.copy()
    found[1:] |= mask[:-1]
    found[:-1] |= mask[1:]
    found[:, 1:] |= mask[:, :-1]
    found[:, :-1] |= mask[:, 1:]
    return found


def seen(one: Image) -> np.ndarray:
    """The image as bytes, (H, W, 3)."""
    return as_bytes(one.image)


def mask_of(one: Image, place: int) -> np.ndarray | None:
    """Where a row's thing is; None for a rival."""
    return one.masks[place] if place < len(one.labels) else None


# ---------------------------------------------------------------- the table


def as_html(asked: Asked, one: Image, found: Answer) -> str:
    """Pictures in a plain table."""
    figures: Columns = found["figures"]
    style = "padding:4px;text-align:left;vertical-align:bottom;font-weight:600"
    methods = asked.case.methods
    heads = "".join(f'<th scope="col" style="{style}">{named(m.name)}</th>' for m in methods)
    ends = tops(asked, one, found)
    body = "".join(
        row(asked, one, found, figures, ends, place) for place in range(len(one.targets))
    )
    foot = "".join(
        f'<td style="padding:4px">{likeness(figures, method.name)}</td>' for method in methods
    )
    return (
        f"{legend()}"
        '<div style="overflow-x:auto" tabindex="0" role="region" aria-label="Maps of one image">'
        '<table style="border-collapse:collapse;font-size:.85rem">'
        f'<thead><tr><th scope="col" style="{style};{stays()}">asked about</th>{heads}</tr></thead>'
        f'<tbody>{body}<tr><th scope="row" style="{style};{stays()}">cosine between rows</th>'
        f"{foot}</tr>"
        "</tbody></table></div>"
    )


def legend() -> str:
    """Both scales in words and colors."""

    def bar(ramp: Ramp) -> str:
        stops = ",".join("rgb({},{},{})".format(*ramp[at]) for at in range(0, 256, 51))
        return (
            f'<span style="display:inline-block;width:90px;height:10px;vertical-align:middle;'
            f'border:1px solid #808080;background:linear-gradient(90deg,{stops})"></span>'
        )

    return (
        '<p style="font-size:.85rem">maps with signs: lowers the score '
        f"{bar(DIVERGING_LIGHT)} raises it &emsp; maps without: none {bar(SEQUENTIAL)} most</p>"
    )


def row(
    asked: Asked, one: Image, found: Answer, figures: Columns, ends: dict[str, float], place: int
) -> str:
    """The maps of one label."""
    label = asked.case.model.labels[one.targets[place]]
    mask = mask_of(one, place)
    first = picture(bordered(seen(one), mask), f"The image, with the border of the {label}")
    cells = "".join(
        f'<td style="padding:4px;vertical-align:top">'
        f"{drawn(asked, one, found, figures, ends, place, method.name)}</td>"
        for method in asked.case.methods
    )
    missing = "" if mask is not None else " (not there)"
    return (
        f'<tr><th scope="row" style="padding:4px;text-align:left;vertical-align:top;{stays()}">'
        f"{first}<br>{escape(label)}{missing}</th>{cells}</tr>"
    )


def drawn(
    asked: Asked, one: Image, found: Answer, figures: Columns, ends: dict[str, float],
    place: int, method: str,
) -> str:  # fmt: skip
    """One map and what it scores."""
    label = one.targets[place]
    view = heat(asked, label, method, found)
    name = f"{asked.case.model.labels[label]}{SEPARATOR}{method}"
    told = score(figures, name) if name in figures.rows else ""
    alt = f"{named(method)} for {asked.case.model.labels[label]}: {told or 'not there'}"
    lines = told.replace(", ", "<br>")
    return f"{picture(painted(view, ends[method], mask_of(one, place)), alt)}<br>{lines}"


def score(figures: Columns, name: str) -> str:
    """Whether it points at the thing, and how many of its strongest pixels lie on it."""
    hit, share = figures.cell(name, "pointing game"), figures.cell(name, "relevance rank")
    return f"{'✓ points at it' if hit >= 0.5 else '✗ points elsewhere'}, {100 * share:.0f} % on it"


def likeness(figures: Columns, method: str) -> str:
    """The cosine between the maps of a column."""
    name = next(name for name in figures.rows if name.endswith(SEPARATOR + method))
    value = figures.cell(name, "cross-label cosine")
    return number(value, "cross-label cosine") if np.isfinite(value) else "–"


def picture(pixels: Pixels, alt: str) -> str:
    """One picture, small."""
    url = ENCODED.get(pixels, f"study{SIDE}", lambda: encode(pixels, SIDE))
    return f'<img src="{url}" width="{SIDE}" height="{SIDE}" alt="{escape(alt)}">'


def sheet(asked: Asked, one: Image, found: Answer) -> Pixels:
    """All maps in one picture, in the order of the page."""
    ends = tops(asked, one, found)
    rows = []
    for place, label in enumerate(one.targets):
        mask = mask_of(one, place)
        maps = [
            painted(heat(asked, label, method.name, found), ends[method.name], mask)
            for method in asked.case.methods
        ]
        rows.append(np.concatenate([bordered(seen(one), mask), *maps], axis=1))
    whole: Pixels = np.concatenate(rows, axis=0)
    return whole
