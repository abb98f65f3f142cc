"""What a person takes along from an answer: one menu, the same on every view."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlencode

import streamlit as st

from components import sharing
from components.draw.rows import rows_of
from components.exports import as_json, as_npy
from components.notices import escape_markdown
from components.report import tray
from components.report.document import FILE, report
from components.report.pinned import Pinned, freeze
from components.sidebar.pictures import FILE as LINKED_FILE
from components.widgets.as_seen import MapGround
from components.widgets.downloads import download
from components.widgets.hand_over import hand_over, stage_file
from components.widgets.viewer import look_of
from engine.core.charts.drawing import Exhibit
from engine.core.result import HeatMap
from engine.core.run import Answer

WITHOUT_FILE = (
    "Your image is not part of the link, only a digest of it: whoever opens the link is asked to "
    "open the same file."
)
REPORT = (
    "This answer as one HTML file, which opens without a network and prints to A4. For several "
    "answers in one, pin them."
)
Files = Mapping[str, Callable[[], str | bytes]]  # the name of a file → what makes its content


@dataclass(frozen=True)
class Offer:
    """What a person can take along from one answer.

    Args:
        answer: what is taken along.
        key: what the keys of its widgets begin with.
        files: further files that only this answer has.
        calls: the lines of Python and, where there is one, the shell command that give this answer.
        sentence: the answer as the page says it.
        notes: what else was found out about it.
        exhibits: makes what the answer rests on; asked only when it is pinned.
        ground: makes what its maps lie over.
        viewer: the key of the viewer that shows them.
    """

    answer: Answer
    key: str
    files: Files = field(default_factory=dict)
    calls: Sequence[str] = ()
    sentence: str = ""
    notes: Sequence[str] = ()
    exhibits: Callable[[], Sequence[Exhibit]] = tuple
    ground: Callable[[], MapGround | None] = lambda: None
    viewer: str = ""

    def frozen(self, title: str) -> Pinned:
        """The answer as it stands on the page, for the tray and the report."""
        return freeze(
            title or self.answer.record["title"],
            self.answer,
            self.sentence,
            self.notes,
            self.exhibits(),
            self.ground(),
            look_of(self.viewer),
            self.calls,
            tray.opened_names(),
        )


def menu(offers: Sequence[tuple[str, Offer]]) -> None:
    """The button Share: a link, and what each answer offers below its title."""
    with st.popover("Share", icon=":material/ios_share:"):
        if address := page_address():
            st.caption("Link to this page with these settings")
            st.code(address, language=None)
            if LINKED_FILE in st.query_params:
                st.caption(WITHOUT_FILE)
        for title, offer in offers:
            with st.expander(escape_markdown(title)) if len(offers) > 1 else st.container():
                keep_buttons(title, offer)
                show_downloads(offer)


def keep_buttons(title: str, offer: Offer) -> None:
    """Buttons that put the answer into the tray and into a report, as it is shown at that moment.

    The browser says with the press how it shows the maps, and knows the buttons by their keys.
    """
    report_key = f"{offer.key}.file-report"
    with st.container(horizontal=True):
        st.button(
            "Pin",
            key=f"{offer.key}.pin",
            icon=":material/push_pin:",
            on_click=pin_result,
            args=(title, offer),
        )
        st.button(
            "Report",
            key=report_key,
            icon=":material/description:",
            help=REPORT,
            on_click=lambda: stage_file(
                f"{report_key}.made", report([offer.frozen(title)], datetime.now(UTC))
            ),
        )
        hand_over(f"{report_key}.made", FILE)
    message_key = f"{offer.key}.pinned"
    if message_key in st.session_state and tray.stale():
        st.rerun()
    if words := st.session_state.pop(message_key, ""):
        st.caption(escape_markdown(words))


def pin_result(title: str, offer: Offer) -> None:
    problem = tray.pin(offer.frozen(title))
    count = len(tray.pinned())
    message = f"Pinned. The tray holds {count} {'result' if count == 1 else 'results'}."
    st.session_state[f"{offer.key}.pinned"] = problem or message


def show_downloads(offer: Offer) -> None:
    stem = f"blindspot-{offer.answer.record['method'].split('.')[-1]}"
    for name, make in {**offer.files, **dict(contents(offer.answer))}.items():
        file = f"{stem}-{name}"
        download(file, make, file, f"{offer.key}.share.{file}", kind="tertiary")
    for language, call in zip(("python", "shell"), offer.calls, strict=False):
        st.caption(f"The same in {language.capitalize()}")
        st.code(call, language=language)


def page_address() -> str:
    """The address of the page as it is set; "" where it is not known, as in a test."""
    sharing.write_link()
    parameters = {name: st.query_params.get_all(name) for name in st.query_params}
    if not st.context.url:
        return ""
    return st.context.url + (f"?{urlencode(parameters, doseq=True)}" if parameters else "")


def contents(answer: Answer) -> Iterable[tuple[str, Callable[[], str | bytes]]]:
    for name, view in answer.items():
        if isinstance(view, HeatMap):
            yield f"{name}.npy", partial(as_npy, view)
        elif (rows := rows_of(view)) is not None:
            yield f"{name}.csv", rows.csv
    yield "record.json", lambda: as_json(answer)
