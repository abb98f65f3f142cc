"""A data set to look at: its card, its numbers, a contact sheet, and one image in full."""

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from components.links import refuse
from components.notices import escape_markdown
from components.picks import is_place, pick, switch
from components.widgets.encoding import data_url, saved
from components.widgets.pictures import show_picture
from components.widgets.thumbs import Thumb, thumbs
from engine.core.whole import whole_number
from engine.vision.data import SPLITS, DataCard, DataSet, Rows
from engine.vision.data.sheet import GAP, sheet, strip
from engine.vision.data.sprites import CATEGORIES

SHEET, SINGLE = WAYS = ("Contact sheet", "One by one")
EVERY = "all"
CLASSES = 12  # in the contact sheet at once
MANY = 6  # classes, from which on they stand in two columns
NAME = 72  # px of a class's name
WIDTH = 800  # px of a row in the sheet
PAGE = 24  # images of a page
THUMB = 96  # px
LARGE = 320  # px that an image is enlarged to, at least
NONE = "nothing"
TRUTHS = {
    "group": "Group (patient or bag)",
    "height": "Height (mm)",
    "poisoned": "Poisoned",
    "unknown": "Class unknown to the model",
    "key": "Shows the bag's key",
    "hard": "Faint, turned",
    "digit": "Digit",
}
WRONG = "wrong label"
LABELS = {"clean_label": "Label before it was made wrong"}


@dataclass(frozen=True)
class TruthLayer:
    """What is drawn of the truth."""

    mask: str | None
    twin: bool
    marked: str | None


def heading(card: DataCard, count_text: str) -> None:
    st.header(escape_markdown(f"{card.title}: {count_text}."))


def size_text(data: DataSet) -> str:
    sizes = np.bincount(data.labels, minlength=len(data.classes))
    low, high = sizes.min(), sizes.max()
    per_class = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{len(data):,} images of {len(data.classes)} classes, {per_class} of each"


def show_description(card: DataCard, kind: str) -> None:
    truth = card.truth or "nothing beyond the labels"
    st.caption(escape_markdown(card.about))
    st.caption(escape_markdown(f"Known truth: {truth}."))
    st.caption(f"{kind}.")


def show_provenance(card: DataCard, fingerprint: str) -> None:
    st.markdown(
        f"**How it was made.** {escape_markdown(card.made)}  \n**License.** "
        f"{escape_markdown(card.license)}  \n"
        f"**Fingerprint.** {fingerprint[:12]}"
    )


def show_counts(data: DataSet) -> None:
    table = np.zeros((len(data.classes), len(SPLITS)), np.int64)
    np.add.at(table, (data.labels, data.split), 1)
    rows = [
        {"Class": word, **dict(zip(SPLITS, row.tolist(), strict=True)), "all": int(row.sum())}
        for word, row in zip(data.classes, table, strict=True)
    ]
    st.dataframe(
        rows,
        hide_index=True,
        key="lab.counts",
        alt=f"Table of {len(rows)} classes and how many images each split has of them",
    )


def choose_way() -> str:
    return pick("Show", WAYS, "lab.show", "segments", kept=True)


def with_wrong_labels(data: DataSet) -> DataSet:
    """The data set, with the wrong labels among them as a truth of its own to frame."""
    clean = data.truth.get("clean_label")
    if clean is None:
        return data
    return replace(data, truth={WRONG: clean != data.labels, **data.truth})


def choose_truth(data: DataSet) -> TruthLayer:
    """Which truth is drawn; only what this data set knows is offered."""
    masks = [name for name, array in data.truth.items() if array.ndim == 3]
    marks = [n for n, array in data.truth.items() if array.dtype == np.bool_ and array.ndim == 1]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        mask = pick_truth("Outline", masks)
        twin = "twin" in data.truth and switch(
            "Twin below", "lab.twin", kept=True, help="The same image without what made its class."
        )
        return TruthLayer(mask, twin, pick_truth("Frame", marks))


def pick_truth(label: str, names: list[str]) -> str | None:
    if not names:
        return None
    picked = pick(label, [*names, NONE], f"lab.{label.lower()}", "segments", kept=True)
    return None if picked == NONE else picked


def contact(data: DataSet, fingerprint: str, truth: TruthLayer, split: str) -> None:
    class_names = data.classes[:CLASSES]
    places = st.columns(1 + (len(class_names) > MANY))
    count = int(np.clip(WIDTH // max(data.side, THUMB), 2, 8)) // len(places)
    for label, word in enumerate(class_names):
        row = class_row(data, fingerprint, label, split, count, truth)
        place = places[label * len(places) // len(class_names)]
        key = f"lab-row-{label}"
        images = place.container(horizontal=True, vertical_alignment="center", key=key)
        images.markdown(f"**{escape_markdown(word)}**", width=NAME)
        if row is None:
            images.caption("No image in this split.")
            continue
        drawn = f", {truth.mask} outlined" if truth.mask else ""
        drawn += ", the twin of each below" if truth.twin else ""
        drawn += f", framed: {truth.marked}" if truth.marked else ""
        words = f"Up to {count} images of the class {word}{drawn}"
        show_picture(row, words, place=images, width="stretch")
    if len(data.classes) > CLASSES:
        st.caption(f"The first {CLASSES} of {len(data.classes)} classes; see the others below.")


@st.cache_data(max_entries=200, show_spinner=False)
def class_row(
    _data: DataSet,
    fingerprint: str,  # noqa: ARG001 - the cache's key, instead of the data
    label: int,
    split: str,
    count: int,
    truth: TruthLayer,
) -> NDArray[np.uint8] | None:
    """The images of one class in a row, (H, W, 3); kept under the fingerprint."""
    rows = np.flatnonzero(_data.labels == label)
    if split != EVERY:
        rows = rows[_data.split[rows] == SPLITS.index(split)]
    if not len(rows):
        return None
    sample = _data.take(rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)])
    return sheet(
        sample, count, mask=truth.mask, truth="twin" if truth.twin else None, marked=truth.marked
    )


def choose_split() -> str:
    return pick("Split", (EVERY, *SPLITS), "lab.split", "segments", kept=True)


def browse(data: DataSet, truth: TruthLayer, split: str) -> None:
    rows = choose_rows(data, split)
    if not len(rows):
        st.info("There is no such image: choose another class or split.")
        return
    pages = -(-len(rows) // PAGE)
    if st.session_state.get("lab.page", 1) > pages:
        st.session_state["lab.page"] = pages
    refuse("lab.page", lambda word: is_place(word, 1, pages), "Page", f"from 1 to {pages}")
    place = st.container()
    page = st.number_input(
        f"Page (of {pages}; {len(rows):,} images)",
        1,
        pages,
        1,
        key="lab.page",
        bind="query-params",
        persist_state="session",
    )
    page_rows = rows[(page - 1) * PAGE : page * PAGE]
    with place:
        chosen = chosen_row(data, page_rows)
        large(data, chosen, truth)
    thumbs(
        [thumb(data, row, row == chosen, truth) for row in page_rows.tolist()],
        "Images of this page; press one to see it large",
        "lab.thumbs",
        lambda number: st.session_state.update({"lab.image": number}),
    )


def choose_rows(data: DataSet, split: str) -> Rows:
    words = [f"{label}: {word}" for label, word in enumerate(data.classes)]
    rule = f"a class of {data.card.title}"
    picked = pick("Class", [EVERY, *words], "lab.class", rule=rule, kept=True)
    rows = np.arange(len(data)) if split == EVERY else data.rows(split)
    return rows if picked == EVERY else rows[data.labels[rows] == words.index(picked)]


def chosen_row(data: DataSet, page_rows: Rows) -> int:
    refuse(
        "lab.image",
        lambda word: bool((data.ids == whole_number(word)).any()),
        "Image (id)",
        f"the id of an image of {data.card.title}",
    )
    number = st.number_input(
        "Image (id)",
        0,
        value=None,
        step=1,
        key="lab.image",
        bind="query-params",
        persist_state="session",
        placeholder="press a picture, or type its id",
    )
    matches = np.flatnonzero(data.ids == number) if number is not None else page_rows[:1]
    if not len(matches):
        st.caption(f"No image here has the id {number}; the first of the page is shown.")
    return int(matches[0] if len(matches) else page_rows[0])


def thumb(data: DataSet, row: int, chosen: bool, truth: TruthLayer) -> Thumb:
    picture = Image.fromarray(outlined_image(data, row, truth, 1))
    picture.thumbnail((THUMB, THUMB))
    word = data.classes[data.labels[row]]
    source = data_url("png", saved(picture, "PNG"))
    return Thumb(int(data.ids[row]), f"{data.ids[row]}: {word}", source, chosen)


def outlined_image(data: DataSet, row: int, truth: TruthLayer, scale: int) -> NDArray[np.uint8]:
    masks = data.truth[truth.mask] if truth.mask else None
    marks = data.truth[truth.marked] if truth.marked and scale == 1 else None
    return sheet_tile(data.images, masks, marks, row, scale)


def sheet_tile(
    images: NDArray[np.uint8],
    masks: NDArray[np.bool_] | None,
    marks: NDArray[np.bool_] | None,
    row: int,
    scale: int,
) -> NDArray[np.uint8]:
    return strip(images, masks, marks, np.array([row]), 1, scale)[:-GAP, :-GAP]


def large(data: DataSet, row: int, truth: TruthLayer) -> None:
    scale = max(1, round(LARGE / data.side))
    word = data.classes[data.labels[row]]
    outlined = ""
    if truth.mask:
        has_outline = bool(data.truth[truth.mask][row].any())
        outlined = f"; outlined: {truth.mask}" if has_outline else f"; no {truth.mask} on it"
    left, right, facts_column = st.columns(3)
    words = f"Image {data.ids[row]}: {word}{outlined}"
    show_picture(
        outlined_image(data, row, truth, scale), words, place=left, caption=escape_markdown(words)
    )
    if "twin" in data.truth:
        twin = sheet_tile(data.truth["twin"], None, None, row, scale)
        caption = f"Its twin: the same image without what makes it “{word}”"
        show_picture(twin, caption, place=right, caption=escape_markdown(caption))
    else:
        facts_column = right
    facts_column.markdown(
        "  \n".join(f"{what}: **{escape_markdown(value)}**" for what, value in facts(data, row))
    )


def facts(data: DataSet, row: int) -> list[tuple[str, str]]:
    truth = data.truth
    rows = [
        ("Id", str(data.ids[row])),
        ("Label", data.classes[data.labels[row]]),
        ("Split", SPLITS[data.split[row]]),
    ]
    for name, words in LABELS.items():
        if name in truth and 0 <= (label := int(truth[name][row])) < len(data.classes):
            same = label == data.labels[row]
            rows.append((words, f"{data.classes[label]}{' (the same)' if same else ''}"))
    for name, words in TRUTHS.items():
        if name in truth:
            rows.append((words, truth_text(truth[name][row])))
    if (presence := truth.get("present")) is not None and presence.shape[1] == len(CATEGORIES):
        categories = [
            word for word, is_there in zip(CATEGORIES, presence[row], strict=True) if is_there
        ]
        rows.append(("Things on it", ", ".join(categories)))
    return rows


def truth_text(value: np.generic) -> str:
    if isinstance(value, np.bool_):
        return "yes" if value else "no"
    return f"{value:.1f}" if isinstance(value, np.floating) else str(value)
