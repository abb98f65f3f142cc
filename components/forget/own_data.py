"""The data of models that are judged: what ships, or training and test images of one's own."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import streamlit as st

from components import presence, uploads
from components.notices import escape_markdown
from components.picks import search_box
from engine.core.errors import BadData
from engine.unlearning.case import trained_as
from engine.vision import data as data_sets
from engine.vision.arguments import data_title
from engine.vision.data import DataSet
from engine.vision.data.folders import Skipped
from engine.vision.data.judged_data import merge_data, plausible_orders, read_test, read_training
from engine.vision.models.classifier import Classifier

KEY = "judge"
IMAGES_MB = uploads.MOST_MB
TRAINING_HELP = (
    "A zip with a folder for each class (cat/1.png, dog/2.png), or a two-dimensional MedMNIST .npz "
    "file; up to 500 MB. All are training images unless folders called train and test say "
    "otherwise. It stays in this session's memory and nothing is written to the disk."
)
TEST_HELP = (
    "A zip with the same class folders, of images that no model learned from. Without them nothing "
    "is said of what needs such images, as the attack does."
)
ValueT = TypeVar("ValueT")


def choose_data(model: Classifier) -> DataSet | None:
    """The data that the models learned from; None until they are chosen."""
    titles = {title: name for name in data_sets.names() if (title := data_title(name))}
    uploaded = own_data(model)
    chosen = search_box(
        "Data that they learned from",
        [*titles, *uploaded],
        f"{KEY}.data",
        linked=False,
        placeholder="choose",
        help="Ids are those on Data and models; for your own zip, the file's "
        "place by name, from 0.",
    )
    with st.expander("Data of your own"):
        draw_uploads()
    if chosen is None:
        st.info("Choose the data that the models learned from.")
        return None
    if chosen in uploaded:
        return uploaded[chosen]
    with st.spinner("Making the images; the first time this may take some seconds"):
        return data_sets.load(titles[chosen])


def own_data(model: Classifier) -> Mapping[str, DataSet]:
    """What was opened here, and what was opened in the lab where this model was trained on it.

    The lab draws splits itself: for a model of another training they would not be true.
    """
    card = trained_as(model)
    lab = {
        title: imported.data
        for title, imported in uploads.session_uploads().items()
        if card is not None and card.data == imported.data.name
    }
    return lab | st.session_state.setdefault(f"{KEY}.own", {})


def draw_uploads() -> None:
    """The two places for files; what cannot be read leaves everything as it was."""
    for label, name, help_text in (
        ("Training images: zip of class folders, or MedMNIST .npz", "file", TRAINING_HELP),
        ("Test images (optional): zip of class folders", "test", TEST_HELP),
    ):
        st.file_uploader(
            label,
            key=f"{KEY}.{name}",
            max_upload_size=IMAGES_MB,
            help=help_text,
            on_change=take_data,
        )
    if problem := st.session_state.get(f"{KEY}.problem"):
        st.error(escape_markdown(problem), icon=":material/error:")
    elif summary := st.session_state.get(f"{KEY}.summary"):
        st.caption(escape_markdown(summary))
        uploads.skipped(st.session_state[f"{KEY}.skipped"])


def take_data() -> None:
    presence.arrive()
    st.session_state.pop(f"{KEY}.problem", None)
    st.session_state.pop(f"{KEY}.summary", None)
    training, test = (st.session_state[f"{KEY}.{name}"] for name in ("file", "test"))
    if training is None:
        if test is not None:
            st.session_state[f"{KEY}.summary"] = "Give the training images too."
            st.session_state[f"{KEY}.skipped"] = ()
        return
    try:
        data, skipped = read_both(training, test)
    except BadData as error:
        st.session_state[f"{KEY}.problem"] = str(error)
        return
    data = uploads.without_name(data)
    title = data.card.title
    st.session_state.setdefault(f"{KEY}.own", {})[title] = data
    orders = plausible_orders(data, training.getvalue())
    st.session_state.setdefault(f"{KEY}.orders", {})[title] = orders
    st.session_state.update(
        {f"{KEY}.data": title, f"{KEY}.summary": summary_of(data), f"{KEY}.skipped": skipped}
    )


def read_both(training: Any, test: Any) -> tuple[DataSet, tuple[Skipped, ...]]:
    learned = remembered(
        f"{KEY}.training",
        training.file_id,
        lambda: read_training(training.getvalue(), training.name),
    )
    if test is None:
        return learned.data, learned.skipped
    others = read_test(test.getvalue(), test.name, learned.data.side)
    return merge_data(learned.data, others.data), (*learned.skipped, *others.skipped)


def summary_of(data: DataSet) -> str:
    learned, test = (len(data.rows(split)) for split in ("train", "test"))
    test_words = f"{test:,} test images" if test else "no test images"
    return (
        f"{learned:,} training images and {test_words} of {len(data.classes)} classes, "
        f"{data.side} × {data.side} px."
    )


def orders_of(data: DataSet) -> Mapping[str, tuple[int, ...]]:
    """Orders of the classes that a training may have had, beside that of the data."""
    orders: dict[str, Mapping[str, tuple[int, ...]]] = st.session_state.get(f"{KEY}.orders", {})
    return orders.get(data.card.title, {})


def remembered(name: str, key: Any, make: Callable[[], ValueT]) -> ValueT:
    """What was made for that key; of each name only the last is kept, in this session."""
    stored = st.session_state.get(name)
    if stored is None or stored[0] != key:
        stored = st.session_state[name] = key, make()
    value: ValueT = stored[1]
    return value
