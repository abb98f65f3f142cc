"""The page of the tray: what is pinned, two side by side, and the report."""

from collections.abc import Mapping
from datetime import UTC, datetime

import streamlit as st

from components.notices import escape_markdown
from components.report import compare, tray
from components.report.document import FILE, report
from components.report.pinned import Pinned
from components.views import TRAY
from components.widgets.downloads import download
from components.widgets.pictures import show_picture

THUMB = 96  # px
STEPS = (("Up", ":material/arrow_upward:", -1), ("Down", ":material/arrow_downward:", 1))
REPORT_KEY = "report.made"  # the report, and of what it was made
EMPTY = (
    "Nothing is pinned yet. Every answer has a button *Pin* under *Share*: it puts the answer here "
    "as it is shown, to hold beside others and for the report."
)
SESSION = (
    "Pinned results, and the pixels of an image of yours in them, are kept for this session only: "
    "they go when the tab is closed or reloaded. The report keeps them."
)


def tray_link() -> None:
    if count := len(tray.pinned()):
        st.page_link(TRAY.path, label=f"Tray ({count})", icon=TRAY.icon, query_params={})
    tray.mark_header_drawn()


def draw() -> None:
    results = tray.pinned()
    if not results:
        st.info(EMPTY)
        return
    many = len(results) > 1
    heading, agreement = st.container(), compare.draw(results) if many else ""
    count_text = f"{len(results)} results are pinned." if many else "One result is pinned."
    heading.header(escape_markdown(f"{count_text} {agreement}".strip()))
    titles = tray.titles()
    for at, result in enumerate(results):
        result_row(result, at, len(results), titles)
    st.caption(SESSION)
    st.header("Report")
    offer_report(results)


def result_row(result: Pinned, at: int, count: int, titles: Mapping[str, str]) -> None:
    with st.container(border=True, key=f"tray-{result.name}"):
        picture, words, buttons = st.columns([1, 5, 3], vertical_alignment="center")
        if result.maps:
            show_picture(result.maps[0].pixels, result.maps[0].lines[0], place=picture, width=THUMB)
        words.markdown(
            f"**{at + 1}. {escape_markdown(result.title)}**  \n{escape_markdown(result.sentence)}"
        )
        words.caption(escape_markdown(result.told_of(titles)))
        if tray.gone(result):
            words.caption(
                f"The model {escape_markdown(result.model)} was removed since. What is pinned "
                "stays; it cannot be computed again."
            )
        with buttons.container(horizontal=True, horizontal_alignment="right", gap="small"):
            for label, icon, by in STEPS:
                st.button(
                    label,
                    key=f"tray.{label}.{result.name}",
                    icon=icon,
                    type="tertiary",
                    disabled=not 0 <= at + by < count,
                    on_click=tray.move,
                    args=(result.name, by),
                )
            st.button(
                "Remove",
                key=f"tray.remove.{result.name}",
                icon=":material/close:",
                type="tertiary",
                on_click=tray.remove,
                args=(result.name,),
            )


def offer_report(results: list[Pinned]) -> None:
    names = {result.name: f"{at}. {result.title}" for at, result in enumerate(results, 1)}
    chosen = st.multiselect(
        "Results in it",
        list(names),
        list(names),
        format_func=names.__getitem__,
        key="report.chosen",
        placeholder="Choose at least one",
    )
    chosen_results = [result for result in results if result.name in chosen]
    st.caption(
        "One HTML file that opens without a network and prints to A4. It names no file and has "
        "nothing of its header; look for text that is burned into the pictures."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Make the report", key="report.make", type="primary", disabled=not chosen_results
        ):
            bar = st.progress(0.0, "drawing")
            document = report(
                chosen_results,
                datetime.now(UTC),
                lambda done, what: bar.progress(done, escape_markdown(what)),
            )
            bar.empty()
            st.session_state[REPORT_KEY] = (
                [pinned_result.name for pinned_result in chosen_results],
                document,
            )
        names_made, document = st.session_state.get(REPORT_KEY, ([], ""))
        if chosen_results and names_made == [
            pinned_result.name for pinned_result in chosen_results
        ]:
            size = f"{len(document) / 1e6:.1f} MB"
            download(
                f"Download ({size})",
                lambda: document,
                FILE,
                "report.take",
                icon=":material/download:",
            )
