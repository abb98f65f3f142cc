"""Two pinned results side by side, and where both are maps, on one scale and as a difference."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from components.draw.drawing import by_kind
from components.draw.heat_maps import OverPicture, blended, draw_heat_map
from components.draw.maps import first_screen
from components.notices import escape_markdown
from components.report import tray
from components.report.document import facts
from components.report.pinned import Pinned, SeenMap
from components.report.settings import setting_words
from components.widgets import viewer
from components.widgets.swipe import swipe
from components.widgets.wording import how_alike
from engine.core.charts.drawing import empty
from engine.core.charts.words import signed
from engine.core.pictures import scale_ends
from engine.core.result import HeatMap
from engine.evaluation.measures.agreement import matrix

OPACITY = 0.6
MOST = 3  # parts of each that are drawn below the picture
WAYS = ("Side by side", "Swipe", "Difference")


def draw(results: Sequence[Pinned]) -> str:
    """Two of them beside each other, then which two; gives how far their maps agree, or ""."""
    comparison, controls = st.container(), st.container()
    with controls:
        first, second = choose(results)
        mapped = bool(first.maps and second.maps) and first.name != second.name
        way = choose_way() if mapped else ""
    if first.name == second.name:
        comparison.info("Choose two different results.")
        return ""
    if mapped:
        with comparison:
            maps(first, second, way)
    with controls if mapped else comparison:
        for place, result in zip(st.columns(2, gap="large"), (first, second), strict=True):
            with place:
                side(result)
    differing(first, second)
    return sentence(first, second)


def choose(results: Sequence[Pinned]) -> tuple[Pinned, Pinned]:
    names = {result.name: f"{at}. {result.title}" for at, result in enumerate(results, 1)}
    by_name, titles = {result.name: result for result in results}, tray.titles()
    first, second = (
        by_name[
            place.selectbox(
                label,
                list(names),
                min(at, len(names) - 1),
                key=f"report.compare.{label}",
                format_func=lambda name: f"{names[name]} · {by_name[name].told_of(titles)}",
            )
        ]
        for at, (place, label) in enumerate(zip(st.columns(2), ("Left", "Right"), strict=True))
    )
    return first, second


def choose_way() -> str | None:
    return st.segmented_control("Show the maps", WAYS, default=WAYS[0], key="report.compare.way")


def sentence(first: Pinned, second: Pinned) -> str:
    if not (first.maps and second.maps):
        return ""
    left, right = first.maps[0], second.maps[0]
    if not same_ground(left, right) or left.heat.values.shape != right.heat.values.shape:
        return ""
    order = rank_correlation(left, right)
    if not np.isfinite(order):
        return ""
    return f"{left.title} and {right.title} {how_alike(order)} (rank correlation {signed(order)})."


def rank_correlation(left: SeenMap, right: SeenMap) -> float:
    """Of two maps of one shape, between the order of their values; NaN where one is flat."""
    pair = [(str(at), seen_map.heat.values) for at, seen_map in enumerate((left, right))]
    return float(matrix(pair).values[0, 1])


def same_ground(left: SeenMap, right: SeenMap) -> bool:
    return left.ground.shape == right.ground.shape and np.array_equal(left.ground, right.ground)


def side(result: Pinned) -> None:
    st.markdown(f"**{escape_markdown(result.sentence or result.title)}**")
    for note in result.notes[:1]:
        st.caption(escape_markdown(note))
    drawn = [exhibit for exhibit in result.exhibits if not empty(exhibit.view)]
    for at, drawn_exhibit in enumerate(drawn[:MOST]):
        if drawn_exhibit.title:
            st.caption(escape_markdown(drawn_exhibit.title))
        by_kind(
            drawn_exhibit.view,
            f"report.{result.name}.{at}",
            drawn_exhibit.finding,
            drawn_exhibit.shape,
        )


def differing(first: Pinned, second: Pinned) -> None:
    descriptions = [dict(facts(result)) | settings(result) for result in (first, second)]
    unlike = [
        (name, *(description.get(name, "–") for description in descriptions))
        for name in dict.fromkeys([*descriptions[0], *descriptions[1]])
        if descriptions[0].get(name) != descriptions[1].get(name)
        and name not in {"Computed", "Answer digest"}
    ]
    with st.expander("What differs in how they were made"):
        if not unlike:
            st.caption("Nothing but how they were shown.")
            return
        heads = ("", "Left", "Right")
        st.table([dict(zip(heads, line, strict=True)) for line in unlike], hide_index=True)


def settings(result: Pinned) -> dict[str, str]:
    return {f"Setting: {label}": words for label, words in setting_words(result.record)}


# ---------------------------------------------------------------- maps


def maps(first: Pinned, second: Pinned, way: str | None) -> None:
    left, right = first.maps[0], second.maps[0]
    if way == "Difference":
        show_difference(left, right)
        return
    if why := unlike_scale(left.heat, right.heat):
        scale = f"{why} Each keeps its own scale."
        spans = [scale_ends(seen_map.heat) for seen_map in (left, right)]
    else:
        spans = [shared_scale(left.heat, right.heat)] * 2
        scale = "Both on one scale."
    shapes = [
        OverPicture(picture=seen_map.ground, span=span, opacity=OPACITY)
        for seen_map, span in zip((left, right), spans, strict=True)
    ]
    names = (f"Left: {left.title}", f"Right: {right.title}")
    if way == "Swipe":
        if left.ground.shape != right.ground.shape:
            st.caption("The images differ in size, so the right one is brought to the left one's.")
        swipe(blended(left.heat, shapes[0]), blended(right.heat, shapes[1]), names, "report.swipe")
        st.caption(scale)
        return
    with first_screen(2, "tray"):
        pairs = zip(st.columns(2), (left, right), names, shapes, strict=True)
        for place, pinned_map, name, shape in pairs:
            with place:
                st.markdown(f"**{escape_markdown(name)}**")
                draw_heat_map(pinned_map.heat, f"report.compare.{name}", "", shape)
    st.caption(scale)


def unlike_scale(left: HeatMap, right: HeatMap) -> str:
    if left.unit != right.unit:
        return (
            f"The left map is in {left.unit or 'no unit'}, the right one in "
            f"{right.unit or 'no unit'}."
        )
    if left.signed != right.signed:
        return "One map is signed, the other is not."
    return ""


def shared_scale(left: HeatMap, right: HeatMap) -> tuple[float, float]:
    lows, highs = zip(scale_ends(left), scale_ends(right), strict=True)
    return min(lows), max(highs)


def show_difference(left: SeenMap, right: SeenMap) -> None:
    if left.heat.values.shape != right.heat.values.shape:
        sizes = [
            " × ".join(map(str, seen_map.heat.values.shape[::-1])) for seen_map in (left, right)
        ]
        st.info(f"The left map has {sizes[0]} values, the right one {sizes[1]}: no difference.")
        return
    if why := unlike_scale(left.heat, right.heat):
        st.info(f"{why} A difference would compare different things, so none is drawn.")
        return
    if not same_ground(left, right):
        st.caption("The maps lie over different images: places are compared, not things.")
    difference_map = HeatMap(left.heat.values - right.heat.values, left.heat.unit, signed=True)
    _, most = scale_ends(difference_map)
    reach = max(np.abs(shared_scale(left.heat, right.heat)).max(), most)
    order = rank_correlation(left, right)
    alike = f" Their rank correlation is {signed(order)}." if np.isfinite(order) else ""
    finding = (
        f"Left minus right, on the scale of the maps: {viewer.finding(difference_map)}. Blue is "
        f"where the right map has more.{alike}"
    )
    shape = OverPicture(picture=left.ground, span=(-float(reach), float(reach)), opacity=0.8)
    draw_heat_map(difference_map, "report.difference", finding, shape)
