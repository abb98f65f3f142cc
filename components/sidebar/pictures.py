"""The image of the subject: a sample or an upload, and the square of it that the model sees."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components import presence
from components.links import accept, refuse
from components.notices import escape_markdown
from components.sidebar import examples, masks, medical, reload
from components.widgets.pictures import show_picture
from components.widgets.rectangle import Box, rectangle
from components.widgets.viewer import Pixels
from engine.core.errors import BadImage
from engine.vision.data.example import Example, Mask
from engine.vision.images import MAX_MB, Crop, Picture, Scan, SliceChoice, load
from engine.vision.images.samples import SAMPLES, sample

YOURS = "Your image"
FROM_DATA = "From a data set"
READ, AGAIN = "subject.read", "subject.again"  # which file was read; whether one still has to be
FILE = "file"  # in a link: the digest of a file of somebody's own, which tells nothing of its name
DIGEST = re.compile("[0-9a-f]{8}").fullmatch
CLEAR = 256  # px to which a tiny picture is enlarged
SMOOTH = 3  # times that a browser may enlarge a picture by itself


@dataclass(frozen=True)
class Chosen:
    """The picture that is asked about, and where it is from."""

    picture: Picture
    name: str = ""  # of a sample, or of an image of a data set
    view: SliceChoice | None = None  # of a scan
    scan: Scan | None = None  # that the picture is a slice of
    example: Example | None = None  # of a data set
    mask: Mask | None = None  # of what makes its class, (H, W) as the picture, where it is known


def choose_picture(pick: Callable[[Sequence[str]], str], view_place: DeltaGenerator) -> Chosen:
    """A sample, an image of a data set, or an upload.

    Args:
        pick: draws what can be chosen, by title, and gives what is.
        view_place: the place of what changes how a scan is seen, and of a mask.
    """
    if st.session_state.pop(AGAIN, False) and st.session_state.get("subject.file"):
        take_upload()
    titles = {sample_picture.title: sample_picture.name for sample_picture in SAMPLES}
    options = [*titles, FROM_DATA, *([YOURS] if "subject.upload" in st.session_state else [])]
    if YOURS not in options and st.query_params.get("image") == YOURS:
        st.session_state["subject.wanted"] = True  # until the tab says what it had opened
    refuse(FILE, lambda word: bool(DIGEST(word)), "File", "the digest of a file, in 8 signs")
    linked = linked_file()
    refuse(
        "image", options, "Image", "a sample; images of your own are not part of a link" + linked
    )
    picked = pick(options)
    name_file(own=picked == YOURS)
    if picked != FROM_DATA:
        examples.set_link("")
    chosen = (
        from_data() if picked == FROM_DATA else current_picture(titles.get(picked, ""), view_place)
    )
    for note in chosen.picture.notes:
        st.caption(note)
    return chosen


def linked_file() -> str:
    """Which file the link that opened this session is about, as it goes on after a sentence."""
    requested = st.query_params.get(FILE, "")
    linked = st.session_state.setdefault(
        "subject.linked_file", requested if DIGEST(requested) else ""
    )
    return f". Open the file with the digest {linked}, which it was made with" if linked else ""


def name_file(*, own: bool) -> None:
    """Put the digest of a file of the person's own into the link, and say if it is another's."""
    if not own:
        st.query_params.pop(FILE, None)
        return
    digest, linked = st.session_state["subject.digest"], st.session_state["subject.linked_file"]
    st.query_params[FILE] = digest
    if linked not in {"", digest}:
        st.info(
            f"The link was made with another file: its digest is {linked}, this one's {digest}.",
            icon=":material/link_off:",
        )


def open_upload(content: bytes, name: str) -> None:
    """An image of the person's own from now on. Raises BadImage, and leaves what is there."""
    presence.arrive()
    st.session_state["subject.upload"] = load(content, name)
    st.session_state["subject.digest"] = blake2b(content, digest_size=4).hexdigest()


def pick_by_title(titles: Sequence[str]) -> str:
    """Which of them, from a list."""
    return st.selectbox(
        "Sample or yours",
        titles,
        key="image",
        bind="query-params",
        persist_state="session",
        label_visibility="collapsed",
    )


def open_own() -> None:
    """A file of the person's own; when it cannot be read, why.

    Streamlit may end `take_upload` half-way, when the browser reports something else meanwhile, and
    does not call it a second time.
    """
    uploaded = st.file_uploader(
        "Open an image of yours",
        type=None,
        key="subject.file",
        on_change=take_upload,
        max_upload_size=MAX_MB,
        help="PNG, JPEG, TIFF, WebP, GIF or BMP, or a scan: DICOM (.dcm, or no ending) or NIfTI "
        "(.nii, .nii.gz); up to 50 MB. It stays in memory, at most an hour also when you "
        "reload this tab, and is never written to disk. Of a scan's header only geometry and "
        "windows are kept; a name that is written into its pixels stays visible.",
    )
    if uploaded is not None and uploaded.file_id != st.session_state.get(READ):
        st.session_state[AGAIN] = True
        st.rerun()
    reload.exchange_key(take_again)
    if problem := st.session_state.get("subject.problem"):
        st.error(escape_markdown(problem), icon=":material/error:")


def from_data() -> Chosen:
    example = examples.choose()
    return Chosen(example.picture(), example.name, example=example, mask=example.mask())


def current_picture(name: str, view_place: DeltaGenerator) -> Chosen:
    """The sample of that name, or what was opened last; its window and mask in `view_place`."""
    if name:
        return Chosen(sample(name), name)
    uploaded: Picture | Scan = st.session_state["subject.upload"]
    if isinstance(uploaded, Scan):
        (picture, view), scan = medical.choose_picture(uploaded, view_place), uploaded
    else:
        picture, view, scan = uploaded, None, None
    with view_place:
        return Chosen(picture, view=view, scan=scan, mask=masks.choose(picture, view))


def take_upload() -> None:
    st.session_state.pop("subject.problem", None)
    uploaded = st.session_state["subject.file"]
    if uploaded is None:
        reload.discard_upload()
        return
    try:
        open_upload(uploaded.getvalue(), uploaded.name)
    except BadImage as error:
        st.session_state["subject.problem"] = str(error)
    else:
        st.session_state["image"] = YOURS
        reload.remember(uploaded.name, uploaded.getvalue())
    st.session_state[READ] = uploaded.file_id


def take_again() -> None:
    if file := reload.file_before_reload():
        try:
            open_upload(file.content, file.name)
        except BadImage as error:  # it could be read before, so this computer is busy
            st.session_state["subject.problem"] = str(error)
            return
        if st.session_state.pop("subject.wanted", False):
            st.session_state["image"] = YOURS
            accept("image")


def choose_crop(picture: Picture, name: str) -> Crop:
    """The square that the model sees, moved on the picture; a square picture is seen whole."""
    height, width = picture.pixels.shape[:2]
    side = min(height, width)
    linked = linked_crop(name)
    if height == width:
        show_picture(enlarged(picture.pixels), "The picture that is asked about", width="stretch")
        st.caption("The model sees the whole picture.")
        return Crop()
    left, top, *_ = linked.box(width, height)
    start = Box(left / width, top / height, side / width, side / height)
    box = rectangle(
        picture.pixels,
        start,
        key="subject.crop",
        fixed_size=True,
        words="The square that the model sees",
    )
    across = box.left * width / (width - side) if width > side else 0.5
    down = box.top * height / (height - side) if height > side else 0.5
    crop = linked if box == start else Crop(round(min(across, 1), 4), round(min(down, 1), 4))
    st.session_state["subject.moved"] = name, crop
    if crop == Crop() or not name:
        st.query_params.pop("crop", None)
    else:
        st.query_params["crop"] = f"{crop.x},{crop.y}"
    return crop


def enlarged(pixels: Pixels) -> Pixels:
    """A tiny picture with every pixel as a square, so that no browser smooths it."""
    times = -(-CLEAR // max(pixels.shape[:2]))
    return pixels.repeat(times, 0).repeat(times, 1) if times > SMOOTH else pixels


def linked_crop(name: str) -> Crop:
    """Where the link that opened this session put the square, or a person on another page."""
    refuse("crop", is_crop, "Crop", "two shares from 0 to 1, such as 0.5,0.5")
    if "subject.linked" not in st.session_state:
        st.session_state["subject.linked"] = name, read_crop(st.query_params.get("crop", ""))
    if "subject.crop" not in st.session_state and "subject.moved" in st.session_state:
        st.session_state["subject.linked"] = st.session_state["subject.moved"]
    linked, crop = st.session_state["subject.linked"]
    return crop if name == linked else Crop()


def is_crop(text: str) -> bool:
    try:
        x, y = (float(share) for share in text.split(","))
    except ValueError:
        return False
    return all(0 <= share <= 1 for share in (x, y))


def read_crop(text: str) -> Crop:
    return Crop(*map(float, text.split(","))) if is_crop(text) else Crop()
