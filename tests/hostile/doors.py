"""The doors by which a person's file comes in, and what a refusal may say."""

import ast
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import BadImage, BlindspotError
from engine.vision.data.folders import read_folders
from engine.vision.decoding_guard import ENGINE
from engine.vision.images import MAX_KEPT, Picture, Scan, SliceChoice, load
from engine.vision.images.large import open_large
from engine.vision.images.masks import mask_of
from engine.vision.images.named import MARK, read_named
from tests import scans
from tests.hostile.archives import zipped
from tests.hostile.pictures import saved
from tests.hostile.usage import Usage

LONGEST_SENTENCE = 400
REPEATED = 12  # bytes of the file in a row that a sentence may not have
WINDOW = 256  # px of a large image
CODE = re.compile(r"Traceback|\w(Error|Exception)\b|\\x|b'|0x[0-9a-f]{4}|\bNone\b|\bnan\b|struct\.")
SMALL = {"size": (24, 20)}

Door = Callable[[bytes, str], None]


def tried(
    doors: Sequence[Door], data: bytes, name: str, *, names_parts: bool = False
) -> tuple[str, list[str], float, float]:
    """What came of a file at the first door, what was wrong at any, seconds and MB.

    Args:
        doors: which open it, one after the other.
        data: the file.
        name: of the file.
        names_parts: whether a refusal names a part of the file on purpose, such as a tensor.
    """
    secret = b"" if names_parts else data
    used, came, wrong = Usage(), "", []
    for door in doors:
        try:
            door(data, name)
            word = "read"
        except BlindspotError as error:
            word = "refused"
            if fault := sentence_fault(str(error), secret, name):
                wrong.append(f"{door.__name__}: {fault}")
        except Exception as error:  # noqa: BLE001 - which it was is the outcome
            word = "crash"
            wrong.append(f"{door.__name__}: {error!r}"[:200])
        came = came or word
    return came, wrong, used.seconds(), used.mb()


def sentence_fault(sentence: str, data: bytes, name: str) -> str:
    """What a refusal has that no sentence for a person may have; "" where it is good."""
    rest = sentence.replace(f"“{name}”", "")
    if "\n" in sentence or not sentence.isprintable() or not sentence.endswith((".", "?")):
        return f"no sentence: {sentence!r:.200}"
    if len(sentence) > LONGEST_SENTENCE or CODE.search(rest):
        return f"not for a person: {sentence:.200}"
    raw = rest.encode()
    pieces = {raw[at : at + REPEATED] for at in range(len(raw) - REPEATED)}
    if any(piece in data and piece not in our_words() for piece in pieces):
        return f"repeats the file: {sentence:.200}"
    return ""


@cache
def our_words() -> bytes:
    """Every text in the engine's code that a refusal may have: what a file repeats by chance."""
    modules = [*ENGINE.glob("vision/images/*.py"), *ENGINE.glob("vision/data/*.py")]
    modules.append(ENGINE / "vision/decoding_guard.py")
    nodes = (node for path in modules for node in ast.walk(ast.parse(path.read_bytes())))
    texts = (node.value for node in nodes if isinstance(node, ast.Constant))
    return "\n".join(text for text in texts if isinstance(text, str)).encode()


class Doors:
    """The ways in which a person's file comes in.

    Args:
        folder: for those that take a file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.good = saved("PNG", **SMALL)
        self.base = load(self.good, "base.png")

    def of(self, trial: str) -> tuple[Door, ...]:
        """All doors for a file as it is; a mutant takes turns at those that only read it again."""
        number = trial[:5]
        if not number.isdigit():
            return self.picture, self.large, self.zip, self.named
        return self.picture, self.large, *((), (self.zip,), (self.named,))[int(number) % 3]

    def picture(self, data: bytes, name: str) -> None:
        """As a picture or scan, every plane's first, middle and last slice; and as a mask."""
        opened = load(data, name)
        if isinstance(opened, Scan):
            for plane in opened.planes:
                count = opened.count(plane)
                for index in {0, count // 2, count - 1}:
                    self.check(opened.picture(SliceChoice(plane, index)))
        else:
            self.check(opened)
        try:
            mask_of(opened, None, self.base)
        except BadImage:  # of another size, which most are
            return

    def large(self, data: bytes, name: str) -> None:
        """As a large image: an overview, and a window at each end."""
        if data[:2] not in {b"II", b"MM"}:
            return
        image = open_large(data, name)
        times = max(1, max(image.width, image.height) // WINDOW)
        image.smaller(times, 0, image.height, 0, image.width)
        high, wide = min(image.height, WINDOW), min(image.width, WINDOW)
        for top in {0, image.height - high}:
            for left in {0, image.width - wide}:
                piece = image.piece(top, top + high, left, left + wide)
                if piece.shape != (high, wide, 3) or piece.dtype != np.uint8:
                    raise TypeError(f"a window of {piece.shape} {piece.dtype}")

    def zip(self, data: bytes, name: str) -> None:
        """Among others in a zip: they are there, and it is skipped and named, or there too."""
        files = {"a/1.png": self.good, f"a/2{name}": data, "b/1.png": self.good}
        folders = read_folders(zipped(files, 0), "a.zip", 16)
        skipped = [skipped_file.file for skipped_file in folders.skipped]
        if len(folders.data) + len(skipped) != 3 or skipped not in ([], [f"a/2{name}"]):
            raise ValueError(f"{len(folders.data)} images, {len(skipped)} skipped")
        for entry in folders.skipped:
            if fault := sentence_fault(entry.reason, data, f"2{name}"):
                raise ValueError(fault)

    def named(self, data: bytes, name: str) -> None:
        """By the name of a file, as a sweep reads it, with a slice of a scan."""
        path = self.folder / name
        path.write_bytes(data)
        for words in ("", f"{MARK}slice=1"):
            try:
                self.check(read_named(f"{path}{words}"))
            except BadImage as error:
                if fault := sentence_fault(str(error), data, name):
                    raise ValueError(fault) from error

    def check(self, picture: Picture) -> None:
        """Raise TypeError for what is no picture within the limits."""
        pixels: Any = picture.pixels
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise TypeError(f"a picture of {pixels.shape} {pixels.dtype}")
        if not 0 < pixels.shape[0] * pixels.shape[1] <= MAX_KEPT or pixels.flags.writeable:
            raise TypeError(f"a picture of {pixels.shape}, writeable: {pixels.flags.writeable}")


class GoodFiles:
    """Files that are read rightly, whatever came before them."""

    def __init__(self) -> None:
        self.files = {
            "good.png": saved("PNG", **SMALL),
            "good.jpg": saved("JPEG", **SMALL),
            "good.dcm": scans.dicom(scans.ramp()),
            "good.nii": scans.nifti(np.arange(336, dtype=np.int16).reshape(6, 7, 8)),
        }
        self.digests = {name: self.digest(name) for name in self.files}
        self.turn = 0

    def digest(self, name: str) -> str:
        """Of the picture of a file."""
        opened = load(self.files[name], name)
        return (opened.picture() if isinstance(opened, Scan) else opened).digest

    def check(self) -> list[str]:
        """Read the next one; what is wrong."""
        self.turn += 1
        name = list(self.files)[self.turn % len(self.files)]
        try:
            return [] if self.digest(name) == self.digests[name] else [f"{name} is another one"]
        except BlindspotError as error:
            return [f"{name} afterwards: {error}"]
