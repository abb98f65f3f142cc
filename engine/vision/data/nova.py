"""Images with boxes in the format of the benchmark NOVA: a table of boxes beside a folder of PNGs.

`data/nova-v1.parquet` and `images/*.png`, as they are downloaded, in a folder or a zip of it. What
the table may hold is said in `engine.vision.images.nova_file`. Images are padded to squares and not
cut, so that no box is lost. Bercea et al., "NOVA: A Benchmark for Anomaly Localization and Clinical
Reasoning in Brain MRI" (2025), https://arxiv.org/abs/2505.14064. The data are for evaluation only:
nothing may be trained or tuned on them.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadData, BadImage
from engine.core.keeping.budget import book
from engine.core.method import Progress, quiet
from engine.vision.data.archive import MAX_MEMBERS, contents, open_archive, outside, short_path
from engine.vision.data.dataset import DataCard, DataSet
from engine.vision.data.folders import MAX_HELD, Imported, Skipped, attempt
from engine.vision.images import MAX_BYTES, Crop, Picture, read, square
from engine.vision.images.reader import send_request

TABLE = ".parquet"
MOST_KINDS = 12  # that have a row of their own, the most frequent ones
FEWEST = 3  # images of a kind with a row of its own
REST, UNSAID = "other kinds", "kind not said"
RESERVED = {REST, "all"}  # rows of the table
SIDE = 224

Members = Mapping[str, Callable[[], bytes]]  # by path
Boxes = NDArray[np.float64]  # (K, 4): left, top, width, height


def read_nova(
    source: bytes | Path, name: str = "", side: int = SIDE, progress: Progress = quiet
) -> Imported:
    """A zip or a folder as a data set, all of it in the test split.

    The truth "boxes", (N, K, 4), has left, top, width and height of the experts' boxes as shares of
    the padded square; NaN where an image has fewer than K.

    Raises:
        BadData: there is not one table, it cannot be read, or no image of it is there.
    """
    called = short_path(name or (source.name if isinstance(source, Path) else "this file"))
    with members(source, called) as files:
        tables = [path for path in files if path.lower().endswith(TABLE)]
        if len(tables) != 1:
            raise BadData(
                f"{called} has {len(tables) or 'no'} tables (*{TABLE}): NOVA has one, "
                "data/nova-v1.parquet, beside its folder of images."
            )
        paths, kinds, boxes = annotated(files[tables[0]], short_path(tables[0]))
        if len(paths) * 3 * side * side > MAX_HELD:
            raise BadData(f"{called} has too many images for {side} px: give fewer.")
        root = tables[0].rpartition("/")[0].removesuffix("data")
        with book(len(paths) * 3 * side * side, called) as booking:
            images, rows, skipped = padded(files, root, paths, boxes, side, progress)
            booking.hand_over([images])
    if not rows:
        first = f" The first: {skipped[0].reason}" if skipped else ""
        raise BadData(f"{called}: none of the images that its table names can be read.{first}")
    labels, classes = kind_labels([kinds[row] for row in rows])
    truth = np.full((len(rows), max(1, *(len(boxes[row]) for row in rows)), 4), np.nan)
    for at, row in enumerate(rows):
        truth[at, : len(boxes[row])] = boxes[row]
    card = DataCard(
        "Images with boxes (NOVA's format)",
        about=f"{len(rows)} images, {sum(len(boxes[row]) for row in rows)} boxes; {len(skipped)} "
        "images could not be read.",
        made="Read from a table and a folder of images, padded to squares.",
        license="NOVA: CC BY-NC-SA 4.0, for evaluation only; nothing leaves this machine",
        truth="boxes that experts agreed on",
    )
    data = DataSet(
        "upload",
        card,
        classes,
        images,
        labels,
        np.array(rows, np.int64),
        np.full(len(rows), 2, np.uint8),
        {"boxes": truth},
    )
    return Imported(replace(data, name=f"upload-{data.fingerprint[:12]}"), tuple(skipped))


@contextmanager
def members(source: bytes | Path, called: str) -> Iterator[Members]:
    """What reads each file of a zip or of a folder, by path; links out of a folder are left out."""
    if isinstance(source, Path) and source.is_dir():
        results: dict[str, Callable[[], bytes]] = {}
        for path in source.rglob("*"):
            if len(results) > MAX_MEMBERS:
                raise BadData(f"{called} holds more than {MAX_MEMBERS:,} files.")
            if path.is_file() and path.resolve().is_relative_to(source.resolve()):
                results[path.relative_to(source).as_posix()] = partial(read_bounded, path)
        yield results
        return
    with open_archive(source, called) as archive:
        yield {
            member.filename: partial(contents, archive, member)
            for member in archive.infolist()
            if member.file_size <= MAX_BYTES and "__MACOSX" not in member.filename
        }


def read_bounded(path: Path) -> bytes:
    """A file of at most MAX_BYTES. Raises BadImage."""
    if path.stat().st_size > MAX_BYTES:
        raise BadImage(f"It has more than {MAX_BYTES / 1e6:.0f} MB.")
    return path.read_bytes()


def annotated(
    read_table: Callable[[], bytes], called: str
) -> tuple[list[str], list[str], list[Boxes]]:
    """Path, kind and boxes in px of each row, decoded in the reader process. Raises BadData."""
    try:
        table = np.frombuffer(read_table(), np.uint8)
        words, (flat,) = send_request(called, {"ask": "nova"}, [table])
    except BadImage as error:
        raise BadData(str(error)) from error
    flat = flat[np.argsort(flat[:, 0], kind="stable")]
    ends = np.searchsorted(flat[:, 0], np.arange(1, len(words["paths"])))
    return words["paths"], words["kinds"], np.split(flat[:, 1:], ends)


def padded(
    entries: Members, root: str, paths: list[str], boxes: list[Boxes], side: int, progress: Progress
) -> tuple[NDArray[np.uint8], list[int], list[Skipped]]:
    """The images as squares (n, 1 or 3, side, side), their rows, and what could not be read.

    Boxes are changed in place from px of the image to shares of its square.
    """
    images = np.empty((len(paths), 3, side, side), np.uint8)
    rows: list[int] = []
    skipped: list[Skipped] = []
    for row, path in enumerate(paths):
        progress(row / len(paths), "reading images")
        placed = attempt(
            lambda: in_square(read_image(entries, root, path), boxes[row], side),  # noqa: B023
            path[:200],
            skipped,
        )
        if placed is not None:
            images[len(rows)], boxes[row] = placed
            rows.append(row)
    images = images[: len(rows)]
    gray = len(rows) > 0 and (images[:, :1] == images).all()
    return (images[:, :1].copy() if gray else images), rows, skipped


def read_image(entries: Members, root: str, path: str) -> Picture:
    """The image at a path of the table; BadImage says why there is none."""
    if not path or outside(path):
        raise BadImage("Its path is empty or reaches outside the folder.")
    result = entries.get(f"{root}{path}") or entries.get(path)
    if result is None:
        raise BadImage("It is not there.")
    return read(result(), PurePosixPath(path).name)


def in_square(picture: Picture, boxes: Boxes, side: int) -> tuple[NDArray[np.uint8], Boxes]:
    """The picture in the middle of a black square, (3, side, side), and its boxes as shares of it.

    Raises:
        BadImage: a box does not lie within the picture.
    """
    width, height = picture.size
    # a pixel of leeway for rounded corners; what lies outside is cut off below
    if (boxes[:, :2] < -1).any() or (boxes[:, :2] + boxes[:, 2:] > np.add(picture.size, 1)).any():
        raise BadImage(f"A box does not lie within its {width} × {height} px.")
    rows, columns = picture.pixels.shape[:2]
    long = max(rows, columns)
    black = np.zeros((long, long, 3), np.uint8)
    top, left = (long - rows) // 2, (long - columns) // 2
    black[top : top + rows, left : left + columns] = picture.pixels
    scale = np.array([columns / width, rows / height] * 2)  # of a picture that was shrunk
    pixels = square(replace(picture, pixels=black), Crop(), side)
    start = (boxes[:, :2] * scale[:2] + [left, top]) / long
    end = start + boxes[:, 2:] * scale[2:] / long
    moved = np.concatenate([start.clip(0, 1), end.clip(0, 1) - start.clip(0, 1)], 1)
    return np.round(pixels * 255).astype(np.uint8), moved


def kind_labels(kinds: list[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """A label for each image, and the kinds' words: rare kinds are one, the last."""
    names = [
        "".join(letter for letter in kind if letter.isprintable() or letter.isspace())
        for kind in kinds
    ]
    names = [" ".join(kind.split())[:60].strip() or UNSAID for kind in names]
    names = [f"“{kind}”" if kind in RESERVED else kind for kind in names]
    often = [kind for kind, count in Counter(names).most_common(MOST_KINDS) if count >= FEWEST]
    classes = (*often, REST) if len(often) < len(set(names)) else tuple(often)
    numbers = {kind: number for number, kind in enumerate(classes)}
    return np.array([numbers.get(kind, len(often)) for kind in names]), classes
