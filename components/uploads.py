"""Data of one's own: a zip of class folders or a MedMNIST .npz, kept in memory for the session."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st

from components import presence
from components.notices import escape_markdown
from engine.core.errors import BadData
from engine.core.result import Result
from engine.vision.data import DataSet
from engine.vision.data.folders import SIDES, SPLIT_NOTES, Imported, Skipped, read_folders
from engine.vision.data.medmnist import read_npz

MOST_MB = 500
FILES_LISTED = 200  # of the files that were left out

Reads = Callable[[bytes, str, int], Imported]

HELP = (
    "A zip with a folder for each class (cat/1.png, dog/2.png), or a two-dimensional MedMNIST "
    ".npz file; up to 500 MB. It stays in this session's memory and nothing is written to the disk."
)


def session_uploads() -> dict[str, Imported]:
    """What was opened in this session, by title."""
    imported_sets: dict[str, Imported] = st.session_state.setdefault("lab.uploads", {})
    return imported_sets


def names() -> set[str]:
    """The names of all data sets that were opened in this session, on whichever page."""
    pages = [page_state for page_state in st.session_state.values() if isinstance(page_state, dict)]
    sets = [data for page in pages for data in page.values() if isinstance(data, DataSet)]
    return {
        data.name for data in [*sets, *(imported.data for imported in session_uploads().values())]
    }


def draw() -> None:
    """The uploader; a file that cannot be read leaves everything as it was."""
    with st.expander("Open data of your own"):
        side = st.number_input(
            "Side of a zip's images (px)",
            *SIDES,
            64,
            8,
            key="lab.side",
            help="The middle square of each picture is brought to this size.",
        )
        uploaded = st.file_uploader(
            "Zip of class folders, or MedMNIST .npz",
            key="lab.file",
            help=HELP,
            max_upload_size=MOST_MB,
        )
        if uploaded is not None:
            taken = (uploaded.file_id, side)
            if st.session_state.get("lab.taken") != taken:
                st.session_state["lab.taken"] = taken
                open_data(uploaded.getvalue(), uploaded.name, int(side))
    if problem := st.session_state.get("lab.problem"):
        st.error(escape_markdown(problem), icon=":material/error:")
    elif opened := st.session_state.get("lab.opened"):
        describe(*opened)


def open_data(content: bytes, name: str, side: int) -> None:
    presence.arrive()
    st.session_state.pop("lab.problem", None)
    bar = st.empty()

    def told(done: float, words: str = "", partial: Result | None = None) -> None:  # noqa: ARG001
        if done in {0, 1} or round(done * 1000) % 10 == 0:
            bar.progress(min(done, 1.0), words)

    try:
        if name.lower().endswith(".npz"):
            imported = read_npz(content, name)
        else:
            imported = read_folders(content, name, side, told)
    except BadData as error:
        st.session_state["lab.problem"] = str(error)
        bar.empty()
        return
    bar.empty()
    imported = replace(imported, data=without_name(imported.data))
    title = imported.data.card.title
    session_uploads()[title] = imported
    words = f"{name[:60]} is “{title}” here: {imported.summary}"
    if SPLIT_NOTES["drawn"] in imported.data.card.made:
        words = f"{words} {SPLIT_NOTES['drawn']}"
    st.session_state.update({"lab.data": title, "lab.opened": (words, imported.skipped)})


def without_name(data: DataSet) -> DataSet:
    """Under a title that tells nothing of the file: titles stand in links and in models."""
    return replace(data, card=replace(data.card, title=f"Your data ({data.fingerprint[:4]})"))


def describe(words: str, left_out: Sequence[Skipped]) -> None:
    st.caption(escape_markdown(words))
    skipped(left_out)


def skipped(left_out: Sequence[Skipped]) -> None:
    if not left_out:
        return
    with st.expander(
        "1 file was left out" if len(left_out) == 1 else f"{len(left_out)} files were left out"
    ):
        rows = [
            {"File": skipped_file.file, "Why": skipped_file.reason}
            for skipped_file in left_out[:FILES_LISTED]
        ]
        st.dataframe(rows, hide_index=True, alt=f"Table of {len(rows)} files and reasons")
        if len(left_out) > FILES_LISTED:
            st.caption(f"The first {FILES_LISTED} are listed.")


# ---------------------------------------------------------------- pictures without classes


def session_data_sets(key: str) -> dict[str, DataSet]:
    """What was opened in this session, in the lab or as pictures of a page, by title."""
    lab = {title: imported.data for title, imported in session_uploads().items()}
    return lab | st.session_state.setdefault(f"{key}.own", {})


def draw_pictures(
    key: str,
    side: int,
    help: str,
    pieces: int = 0,
    label: str = "A zip of pictures",
    reads: Reads | None = None,
    picker: str = "",
) -> None:
    """The uploader of a page; a file that cannot be read leaves everything as it was.

    Args:
        key: of the page.
        side: px that pictures are brought to, as near as a data set may have it.
        help: what they are for.
        pieces: squares that large pictures may be cut into instead; 0 where that is not offered.
        label: what is asked for.
        reads: makes a data set of the file's bytes, its name and the side; a zip of pictures if
            not given.
        picker: key of the list in which what was opened is chosen at once.
    """
    if pieces:
        st.toggle(
            "Cut large pictures into squares at their own resolution",
            key=f"{key}.cut",
            on_change=take_pictures,
            args=(key, side, pieces, None, picker),
            help=f"At most {pieces} of {side} px from each, for comparing with tiles of a "
            "photograph. Otherwise each picture is made smaller, to what the model sees.",
        )
    st.file_uploader(
        label,
        key=f"{key}.file",
        max_upload_size=MOST_MB,
        on_change=take_pictures,
        args=(key, side, pieces, reads, picker),
        help=help,
    )
    if problem := st.session_state.get(f"{key}.problem"):
        st.error(escape_markdown(problem), icon=":material/error:")
    elif opened := st.session_state.get(f"{key}.opened"):
        describe(*opened)


def take_pictures(
    key: str, side: int, pieces: int = 0, reads: Reads | None = None, picker: str = ""
) -> None:
    """Read the zip, say what it holds, and choose it; cut into squares where that was chosen."""
    presence.arrive()
    uploaded = st.session_state[f"{key}.file"]
    st.session_state.pop(f"{key}.opened", None)
    pieces = pieces if st.session_state.get(f"{key}.cut") else 0
    st.session_state[f"{key}.problem"] = ""
    if uploaded is None:
        return
    side = min(max(side, SIDES[0]), SIDES[1])
    try:
        if reads:
            imported = reads(uploaded.getvalue(), uploaded.name, side)
        else:
            content = uploaded.getvalue()
            imported = read_folders(content, uploaded.name, side, classless=True, pieces=pieces)
    except BadData as error:
        st.session_state[f"{key}.problem"] = str(error)
        return
    data = without_name(imported.data)
    if pieces:
        data = replace(data, card=replace(data.card, title=f"{data.card.title}, cut"))
    title = data.card.title
    st.session_state.setdefault(f"{key}.own", {})[title] = data
    st.session_state[f"{key}.opened"] = f"Opened as “{title}”: {imported.summary}", imported.skipped
    if picker:
        st.session_state[picker] = title
