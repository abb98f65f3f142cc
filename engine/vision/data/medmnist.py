"""A two-dimensional MedMNIST set from its .npz file.

Such a file holds train, val and test images, (N, side, side) gray or (N, side, side, 3), and labels
(N, 1). Headers are read and judged before any array is, and pickled objects are never opened.
"""

from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadData, BadImage
from engine.core.keeping.budget import OverBudget, book
from engine.vision.data.archive import compressed_bytes, open_archive, request, short_path
from engine.vision.data.dataset import SPLITS, DataCard, DataSet
from engine.vision.data.folders import MAX_CLASSES, Imported, rename_by_content
from engine.vision.images.reader import send_request
from engine.vision.images.wire import Sink

PARTS = ("train", "val", "test")
MAX_HELD = 1_000_000_000  # bytes of all arrays
MAX_SIDE = 512
BEGINNING = 2**16  # packed bytes of an array in which its header is
BY_IMAGE = 40  # bytes of label, id and split, and of putting them together

Shape = tuple[int, ...]
Headers = dict[str, tuple[Shape, np.dtype[Any]]]


def read_npz(source: bytes | Path, name: str = "") -> Imported:
    """Read a MedMNIST file.

    Raises:
        BadData: an array is missing, of a wrong shape or kind, or too large.
    """
    called = short_path(name or (source.name if isinstance(source, Path) else "this file"))
    with open_archive(source, called) as archive:
        shapes = {key: header(archive, key, called) for key in keys()}
        check(shapes, called)
        with book(memory(shapes), called) as booking:
            results = [labels_of(archive, f"{part}_labels", called) for part in PARTS]
            images = read_images(archive, shapes, called)
            booking.hand_over([images])
    labels = np.concatenate(results)
    if labels.min() < 0 or labels.max() >= MAX_CLASSES:
        raise BadData(f"{called} has labels outside 0 to {MAX_CLASSES - 1}.")
    counts = [len(part) for part in results]
    data = DataSet(
        name="upload",
        card=data_card(PurePosixPath(name).stem or "MedMNIST", len(labels), images.shape[-1]),
        classes=tuple(f"class {label}" for label in range(int(labels.max()) + 1)),
        images=images,
        labels=labels,
        ids=np.arange(len(labels)),
        split=np.repeat(np.arange(len(SPLITS), dtype=np.uint8), counts),
    )
    return Imported(rename_by_content(data))


def keys() -> tuple[str, ...]:
    """The arrays that such a file holds."""
    return tuple(f"{part}_{kind}" for part in PARTS for kind in ("images", "labels"))


def header(archive: ZipFile, key: str, called: str) -> tuple[Shape, np.dtype[Any]]:
    """Shape and kind of an array, without reading it."""
    try:
        member = archive.getinfo(f"{key}.npy")
    except KeyError as error:
        names = ", ".join(keys())
        raise BadData(f"{called} has no array “{key}”: a MedMNIST file has {names}.") from error
    try:
        reply, _ = send_request(
            called, request(member, "array header"), [compressed_bytes(archive, member, BEGINNING)]
        )
    except BadImage as error:
        raise BadData(damaged(called, key)) from error
    shape, kind = tuple(reply["shape"]), np.dtype(reply["kind"])
    if reply["objects"]:
        raise BadData(
            f"{called}: the array “{key}” holds pickled objects, which could run code: not opened."
        )
    count = 1
    for length in shape:
        count *= length  # Python's own numbers: no overflow
    if min(shape, default=0) < 0 or count * kind.itemsize != member.file_size - reply["begun"]:
        raise BadData(f"{called}: the array “{key}” is not as long as its header says.")
    return shape, kind


def memory(headers: Headers) -> int:
    """Bytes that images and labels take once they are read."""
    shapes = [headers[f"{part}_images"][0] for part in PARTS]
    return sum(int(np.prod(shape, dtype=object)) + BY_IMAGE * shape[0] for shape in shapes)


def check(headers: Headers, called: str) -> None:
    """Raise BadData for shapes and kinds that are no two-dimensional set's."""
    size = 0
    sides = set()
    for part in PARTS:
        (shape, kind), (of_labels, kind_of_labels) = (
            headers[f"{part}_{what}"] for what in ("images", "labels")
        )
        gray, color = len(shape) == 3, len(shape) == 4 and shape[-1] == 3
        if len(shape) in (4, 5) and not color:
            raise BadData(
                f"{called} is a three-dimensional set: its images are {shape_text(shape[1:])}, and "
                "only two-dimensional ones can be read."
            )
        if not (gray or color) or not 1 <= min(shape[1:3]) <= max(shape[1:3]) <= MAX_SIDE:
            raise BadData(
                f"{called}: “{part}_images” is {shape_text(shape)}, and should be N × side × "
                "side or "
                f"N × side × side × 3, with sides up to {MAX_SIDE}."
            )
        if kind != np.uint8:
            raise BadData(f"{called}: “{part}_images” is {kind}, and should be uint8.")
        if len(of_labels) == 2 and of_labels[1] > 1:
            raise BadData(
                f"{called} gives each image {of_labels[1]} labels at once; only sets with one "
                "label an image can be read."
            )
        if kind_of_labels.kind not in "iu" or of_labels not in {(shape[0],), (shape[0], 1)}:
            raise BadData(
                f"{called}: “{part}_labels” is {shape_text(of_labels)} {kind_of_labels}, and "
                "should be "
                f"{shape[0]} × 1 whole numbers, one for each image."
            )
        if shape[0] == 0 and part != "val":
            raise BadData(f"{called} has no images in “{part}_images”.")
        size += int(np.prod(shape, dtype=object))
        sides.add(shape[1:])
    if len(sides) > 1:
        raise BadData(f"{called} has images of several sizes: {', '.join(map(shape_text, sides))}.")
    if size > MAX_HELD:
        raise BadData(
            f"{called} holds {size / 1e9:.1f} GB of images, and at most {MAX_HELD / 1e9:.0f} GB "
            "are kept: take the 28 px or 64 px version."
        )


def damaged(called: str, key: str) -> str:
    """That an array cannot be read."""
    return f"{called}: the array “{key}” is damaged: download it again."


def take_array(archive: ZipFile, key: str, called: str, sink: Sink) -> None:
    """Hand an array whose header was found good to `sink`, some rows at a time. Raises BadData."""
    member = archive.getinfo(f"{key}.npy")
    try:
        send_request(
            called, request(member, "array"), [compressed_bytes(archive, member)], sink=sink
        )
    except BadImage as error:
        if isinstance(error.__cause__, OverBudget):
            raise error.__cause__ from error
        raise BadData(damaged(called, key)) from error


def labels_of(archive: ZipFile, key: str, called: str) -> NDArray[np.int64]:
    """The labels of a part, (N,)."""
    parts: list[NDArray[np.int64]] = []
    take_array(archive, key, called, lambda some: parts.append(some.reshape(-1).astype(np.int64)))
    return np.concatenate([np.empty(0, np.int64), *parts])


def read_images(archive: ZipFile, headers: Headers, called: str) -> NDArray[np.uint8]:
    """The images of all parts, (N, channels, side, side), filled as they are unpacked."""
    shapes = [headers[f"{part}_images"][0] for part in PARTS]
    height, width, *channels = shapes[0][1:]
    images = np.empty(
        (sum(shape[0] for shape in shapes), *(channels or [1]), height, width), np.uint8
    )
    start = 0

    def place(some: NDArray[Any]) -> None:
        nonlocal start
        some = some.transpose(0, 3, 1, 2) if channels else some[:, None]
        images[start : start + len(some)] = some
        start += len(some)

    for part in PARTS:
        take_array(archive, f"{part}_images", called, place)
    return images


def shape_text(shape: Shape) -> str:
    """A shape as a person would write it."""
    return " × ".join(map(str, shape)) or "a single number"


def data_card(title: str, count: int, side: int) -> DataCard:
    """A card for a set of which only the file is known."""
    return DataCard(
        title=title[:60],
        about=f"{count} medical images, {side} × {side} px; the file does not name its classes.",
        made="Read from a MedMNIST .npz file, with its own splits.",
        license="as its publishers say; MedMNIST's sets are CC BY 4.0 or CC BY-NC 4.0",
    )
